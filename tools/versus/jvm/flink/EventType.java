import java.io.IOException;
import java.lang.reflect.Type;
import java.util.Map;
import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInfoFactory;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** How Flink carries an {@link Event} over an exchange: 24 bytes, no field names, no tags. */
public final class EventType extends TypeInformation<Event> {
    /** Found through the annotation of the class. */
    public static final class Factory extends TypeInfoFactory<Event> {
        @Override
        public TypeInformation<Event> createTypeInfo(Type type, Map<String, TypeInformation<?>> parameters) {
            return new EventType();
        }
    }

    @Override
    public TypeSerializer<Event> createSerializer(SerializerConfig config) {
        return Serializer.INSTANCE;
    }

    @Override
    public Class<Event> getTypeClass() {
        return Event.class;
    }

    @Override
    public boolean isBasicType() {
        return false;
    }

    @Override
    public boolean isTupleType() {
        return false;
    }

    @Override
    public boolean isKeyType() {
        return false;
    }

    @Override
    public int getArity() {
        return 1;
    }

    @Override
    public int getTotalFields() {
        return 1;
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof EventType;
    }

    @Override
    public boolean equals(Object other) {
        return canEqual(other);
    }

    @Override
    public int hashCode() {
        return EventType.class.hashCode();
    }

    @Override
    public String toString() {
        return "EventType";
    }

    private static final class Serializer extends TypeSerializerSingleton<Event> {
        static final Serializer INSTANCE = new Serializer();

        @Override
        public boolean isImmutableType() {
            return false;
        }

        @Override
        public int getLength() {
            return 24;
        }

        @Override
        public Event createInstance() {
            return new Event();
        }

        @Override
        public void serialize(Event event, DataOutputView out) throws IOException {
            out.writeLong(event.key);
            out.writeLong(event.value);
            out.writeLong(event.tsNs);
        }

        @Override
        public Event deserialize(DataInputView in) throws IOException {
            return deserialize(new Event(), in);
        }

        @Override
        public Event deserialize(Event event, DataInputView in) throws IOException {
            event.key = in.readLong();
            event.value = in.readLong();
            event.tsNs = in.readLong();
            return event;
        }

        @Override
        public Event copy(Event from) {
            return copy(from, new Event());
        }

        @Override
        public Event copy(Event from, Event to) {
            to.key = from.key;
            to.value = from.value;
            to.tsNs = from.tsNs;
            return to;
        }

        @Override
        public void copy(DataInputView in, DataOutputView out) throws IOException {
            out.write(in, getLength());
        }

        @Override
        public TypeSerializerSnapshot<Event> snapshotConfiguration() {
            return new Snapshot();
        }
    }

    /** Written into savepoints; must be public for Flink to read it again. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Event> {
        public Snapshot() {
            super(() -> Serializer.INSTANCE);
        }
    }
}
