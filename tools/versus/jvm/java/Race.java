import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The stopwatch of one run: from the first event that any thread takes to the last result of any thread.
 *
 * <p>Threads, rings and presized tables are made before `begin`; CPU time is that of the whole process, with
 * compiler and garbage collector.
 */
final class Race {
    private record Mark(long atNs, long cpuNs) {}

    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final AtomicReference<Mark> first = new AtomicReference<>();
    private final AtomicReference<Mark> last = new AtomicReference<>();

    /** This thread takes its first event; the first to say so starts the clock. */
    void begin() {
        if (first.get() == null) {
            first.compareAndSet(null, now());
        }
    }

    /** This thread has put out its last result; the last to say so stops the clock. */
    void end() {
        Mark mark = now();
        last.accumulateAndGet(mark, (a, b) -> a == null || a.atNs < b.atNs ? b : a);
    }

    /** From start to end, ns; 0 where there was no event. */
    long elapsedNs() {
        return first.get() == null ? 0 : last.get().atNs - first.get().atNs;
    }

    /** CPU time of all threads meanwhile, ns. */
    long cpuNs() {
        return first.get() == null ? 0 : last.get().cpuNs - first.get().cpuNs;
    }

    private static Mark now() {
        return new Mark(System.nanoTime(), SYSTEM.getProcessCpuTime());
    }
}
