import org.apache.flink.api.common.typeinfo.TypeInfo;

/** The event as Flink's operators see it. With a serializer of its own: Flink's for plain classes goes by reflection. */
@TypeInfo(EventType.Factory.class)
public final class Event {
    public long key;
    public long value;
    public long tsNs;
}
