import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.lib.util.IteratorSourceEnumerator;
import org.apache.flink.api.connector.source.lib.util.IteratorSourceReader;
import org.apache.flink.api.connector.source.lib.util.IteratorSourceSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * The events in memory as a bounded source: a split for each of the turn's sources, on Flink's own iterator reader
 * and enumerator, as its `NumberSequenceSource` is.
 */
final class MemorySource
        implements Source<Event, MemorySource.Split, Collection<MemorySource.Split>> {
    private static final long serialVersionUID = 1L;

    /** Events of one call: a call for each event costs a turn of the task's mailbox loop each. */
    private static final int EVENTS_OF_A_POLL = 64;

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.BOUNDED;
    }

    @Override
    public SplitEnumerator<Split, Collection<Split>> createEnumerator(SplitEnumeratorContext<Split> context) {
        List<Split> splits = new ArrayList<>();
        for (int source = 0; source < FlinkPeer.turn.sources.length; source++) {
            splits.add(new Split(source, 0));
        }
        return restoreEnumerator(context, splits);
    }

    @Override
    public SplitEnumerator<Split, Collection<Split>> restoreEnumerator(
            SplitEnumeratorContext<Split> context, Collection<Split> splits) {
        return new IteratorSourceEnumerator<>(context, splits);
    }

    @Override
    public SourceReader<Event, Split> createReader(SourceReaderContext context) {
        return new Reader(context);
    }

    @Override
    public SimpleVersionedSerializer<Split> getSplitSerializer() {
        return new SplitSerializer();
    }

    @Override
    public SimpleVersionedSerializer<Collection<Split>> getEnumeratorCheckpointSerializer() {
        return new SplitsSerializer();
    }

    /** What is left of one of the turn's sources. */
    record Split(int source, int from) implements IteratorSourceSplit<Event, Cursor> {
        @Override
        public String splitId() {
            return Integer.toString(source);
        }

        @Override
        public Cursor getIterator() {
            return new Cursor(FlinkPeer.turn.sources[source], from);
        }

        @Override
        public IteratorSourceSplit<Event, Cursor> getUpdatedSplitForIterator(Cursor cursor) {
            return new Split(source, cursor.next);
        }
    }

    /** Gives one event after the other, in the same instance: object reuse is on. */
    static final class Cursor implements Iterator<Event> {
        private final long[] words;
        private final int events;
        private final Event event = new Event();
        private int next;

        Cursor(Events events, int from) {
            this.words = events.words;
            this.events = events.count();
            this.next = from;
        }

        @Override
        public boolean hasNext() {
            return next < events;
        }

        @Override
        public Event next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            int at = next++ * Events.WORDS;
            event.key = words[at];
            event.value = words[at + 1];
            event.tsNs = words[at + 2];
            return event;
        }
    }

    private static final class Reader extends IteratorSourceReader<Event, Cursor, Split> {
        Reader(SourceReaderContext context) {
            super(context);
        }

        @Override
        public InputStatus pollNext(ReaderOutput<Event> output) {
            InputStatus status = InputStatus.MORE_AVAILABLE;
            for (int i = 0; i < EVENTS_OF_A_POLL && status == InputStatus.MORE_AVAILABLE; i++) {
                status = super.pollNext(output);
            }
            return status;
        }

        @Override
        public void addSplits(List<Split> splits) {
            FlinkPeer.race.begin();
            super.addSplits(splits);
        }
    }

    private static final class SplitSerializer implements SimpleVersionedSerializer<Split> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(Split split) {
            return ByteBuffer.allocate(8).putInt(split.source()).putInt(split.from()).array();
        }

        @Override
        public Split deserialize(int version, byte[] bytes) {
            ByteBuffer words = ByteBuffer.wrap(bytes);
            return new Split(words.getInt(), words.getInt());
        }
    }

    private static final class SplitsSerializer implements SimpleVersionedSerializer<Collection<Split>> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(Collection<Split> splits) {
            ByteBuffer words = ByteBuffer.allocate(8 * splits.size());
            splits.forEach(split -> words.putInt(split.source()).putInt(split.from()));
            return words.array();
        }

        @Override
        public Collection<Split> deserialize(int version, byte[] bytes) throws IOException {
            List<Split> splits = new ArrayList<>();
            for (ByteBuffer words = ByteBuffer.wrap(bytes); words.hasRemaining(); ) {
                splits.add(new Split(words.getInt(), words.getInt()));
            }
            return splits;
        }
    }
}
