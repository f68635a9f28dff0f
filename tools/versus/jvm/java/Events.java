import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Events in memory, as `versus events` wrote them: three words each, key, value, ts_ns.
 *
 * <p>Read before any clock starts. Never changed afterwards, so all threads may read them.
 */
final class Events {
    /** Words of an event. */
    static final int WORDS = 3;

    private static final int EVENT_BYTES = 8 * WORDS;
    /** Read at once; whole events. */
    private static final int CHUNK_BYTES = EVENT_BYTES << 16;

    /** Key, value and ts_ns of one event after the other. */
    final long[] words;

    private Events(long[] words) {
        this.words = words;
    }

    int count() {
        return words.length / WORDS;
    }

    /** `count` events of the file at `path`, from event `from` on. */
    static Events read(Path path, int from, int count) throws IOException {
        long[] words = new long[Math.multiplyExact(WORDS, count)];
        ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
            file.position((long) from * EVENT_BYTES);
            for (int at = 0; at < words.length; ) {
                chunk.clear().limit(Math.min(CHUNK_BYTES, 8 * (words.length - at)));
                while (chunk.hasRemaining()) {
                    if (file.read(chunk) < 0) {
                        throw new IOException(path + " ends before event " + (from + count));
                    }
                }
                chunk.flip();
                int read = chunk.remaining() / 8;
                chunk.asLongBuffer().get(words, at, read);
                at += read;
            }
        }
        return new Events(words);
    }
}
