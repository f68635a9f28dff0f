import java.io.IOException;
import java.nio.file.Path;

/**
 * One turn of a peer, in a process of its own: the events of `versus events` in, one line of JSON out.
 *
 * <pre>
 *   Peer VARIANT WHOLE HALVES EVENTS FIRST PRESIZED_KEYS
 * </pre>
 *
 * All of it is done twice in the same process, from an empty state each time, and the second time counts: so the
 * just-in-time compiler has seen the code, which is how the documentation of JVM benchmarks would have it.
 */
final class Turn {
    /** What a peer does with a turn. */
    interface Peer {
        Answer run(Turn turn, Race race) throws Exception;
    }

    /** Which way to run the peer: `1`, `2`, `1+1`. */
    final String variant;
    /** Keys to make room for; 0: start empty. */
    final int presizedKeys;
    /** What each source has: all events of a key are in one of them. */
    final Events[] sources;

    private Turn(String variant, int presizedKeys, Events[] sources) {
        this.variant = variant;
        this.presizedKeys = presizedKeys;
        this.sources = sources;
    }

    /** The `main` of a peer whose `variant`s ending in 2 have two sources. */
    static void main(String[] args, Peer peer) throws Exception {
        Turn turn = of(args);
        Answer warmed = peer.run(turn, new Race());
        System.gc();
        Race race = new Race();
        Answer answer = peer.run(turn, race);
        if (warmed.results != answer.results || warmed.digest != answer.digest) {
            throw new IllegalStateException("two runs over the same events, two answers");
        }
        System.out.printf(
                "{\"results\": %d, \"digest\": \"%016x\", \"elapsed_ns\": %d, \"cpu_ns\": %d}%n",
                answer.results, answer.digest, race.elapsedNs(), race.cpuNs());
    }

    private static Turn of(String[] args) throws IOException {
        Path whole = Path.of(args[1]);
        Path halves = Path.of(args[2]);
        int events = Integer.parseInt(args[3]);
        int first = Integer.parseInt(args[4]);
        Events[] sources =
                args[0].endsWith("/2")
                        ? new Events[] {
                            Events.read(halves, 0, first), Events.read(halves, first, events - first)
                        }
                        : new Events[] {Events.read(whole, 0, events)};
        return new Turn(args[0], Integer.parseInt(args[5]), sources);
    }
}
