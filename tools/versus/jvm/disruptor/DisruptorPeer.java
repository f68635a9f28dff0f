import com.lmax.disruptor.BusySpinWaitStrategy;
import com.lmax.disruptor.EventHandler;
import com.lmax.disruptor.EventPoller;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.dsl.Disruptor;
import com.lmax.disruptor.dsl.ProducerType;
import com.lmax.disruptor.util.DaemonThreadFactory;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The LMAX Disruptor: rings between threads; state, partitioning and the end are the user's own.
 *
 * <pre>
 *   1+1   events ─► ring ┊ ring ─► table            a producer, a handler
 *   2     events ─┬─► table ◄─┬─ events             two threads, each producer and poller of two rings:
 *                 └─► ring ◄──┘                     an exchange written by hand
 * </pre>
 *
 * As its user guide has it: a single producer, `BusySpinWaitStrategy`, slots that are made once and filled in place,
 * batches claimed by `next(n)` and published together; `EventPoller` where one thread does both.
 */
final class DisruptorPeer {
    /** Slots of a ring. */
    private static final int RING_SLOTS = 8192;
    /** Events that are published together. */
    private static final int BATCH = 256;

    /** An event in a ring. */
    private static final class Slot {
        long key;
        long value;
        long tsNs;

        /** Takes the event whose first word is `at`. */
        void set(long[] words, int at) {
            key = words[at];
            value = words[at + 1];
            tsNs = words[at + 2];
        }
    }

    public static void main(String[] args) throws Exception {
        Turn.main(args, args[0].endsWith("/2") ? DisruptorPeer::twoThreads : DisruptorPeer::producerAndHandler);
    }

    private static final class Handler implements EventHandler<Slot> {
        final Answer answer = new Answer();
        private final Table table;
        private final int events;
        private final Race race;

        Handler(Table table, int events, Race race) {
            this.table = table;
            this.events = events;
            this.race = race;
        }

        @Override
        public void onEvent(Slot slot, long sequence, boolean endOfBatch) {
            table.take(slot.key, slot.value, slot.tsNs, answer);
            if (endOfBatch && answer.results == events) {
                race.end();
            }
        }
    }

    private static Answer producerAndHandler(Turn turn, Race race) throws Exception {
        long[] words = turn.sources[0].words;
        Disruptor<Slot> disruptor =
                new Disruptor<>(
                        Slot::new,
                        RING_SLOTS,
                        DaemonThreadFactory.INSTANCE,
                        ProducerType.SINGLE,
                        new BusySpinWaitStrategy());
        Handler handler = new Handler(new Table(turn.presizedKeys), turn.sources[0].count(), race);
        disruptor.handleEventsWith(handler);
        RingBuffer<Slot> ring = disruptor.start();
        race.begin();
        for (int at = 0; at < words.length; ) {
            int batch = Math.min(BATCH, (words.length - at) / Events.WORDS);
            long last = ring.next(batch);
            for (long sequence = last - batch + 1; sequence <= last; sequence++) {
                ring.get(sequence).set(words, at);
                at += Events.WORDS;
            }
            ring.publish(last - batch + 1, last);
        }
        // Waits until the handler has had them all.
        disruptor.shutdown();
        return handler.answer;
    }

    private static Answer twoThreads(Turn turn, Race race) throws Exception {
        CyclicBarrier line = new CyclicBarrier(2);
        Half[] halves = {new Half(0, turn, race, line), new Half(1, turn, race, line)};
        halves[0].other = halves[1];
        halves[1].other = halves[0];
        Thread second = new Thread(halves[1]);
        second.start();
        halves[0].run();
        second.join();
        halves[0].answer.add(halves[1].answer);
        return halves[0].answer;
    }

    /** One of two threads: half of the events, half of the keys, the ring that the other one fills. */
    private static final class Half implements Runnable {
        final Answer answer = new Answer();
        Half other;
        private final int me;
        private final long[] words;
        private final Table table;
        private final Race race;
        private final CyclicBarrier line;
        private final RingBuffer<Slot> inbox =
                RingBuffer.createSingleProducer(Slot::new, RING_SLOTS, new BusySpinWaitStrategy());
        private final EventPoller<Slot> poller = inbox.newPoller();
        /** Events that have come from the other. */
        private long received;
        /** Events that have gone to the other, once there will be no more; -1 before. */
        private final AtomicLong sent = new AtomicLong(-1);

        Half(int me, Turn turn, Race race, CyclicBarrier line) {
            this.me = me;
            this.words = turn.sources[me].words;
            this.table = new Table(turn.presizedKeys / 2);
            this.race = race;
            this.line = line;
            inbox.addGatingSequences(poller.getSequence());
        }

        @Override
        public void run() {
            try {
                line.await();
                race.begin();
                exchange();
                race.end();
            } catch (Exception error) {
                // The other one would wait for ever.
                error.printStackTrace();
                System.exit(1);
            }
        }

        private void exchange() throws Exception {
            RingBuffer<Slot> out = other.inbox;
            int[] goes = new int[BATCH];
            long total = 0;
            for (int from = 0; from < words.length; from += BATCH * Events.WORDS) {
                int to = Math.min(words.length, from + BATCH * Events.WORDS);
                int going = 0;
                for (int at = from; at < to; at += Events.WORDS) {
                    if (owner(words[at]) == me) {
                        table.take(words[at], words[at + 1], words[at + 2], answer);
                    } else {
                        goes[going++] = at;
                    }
                }
                // A full ring is tried again after the own one has been read: neither waits for ever.
                while (going > 0 && !out.hasAvailableCapacity(going)) {
                    poll();
                }
                if (going > 0) {
                    long last = out.next(going);
                    for (int i = 0; i < going; i++) {
                        out.get(last - going + 1 + i).set(words, goes[i]);
                    }
                    out.publish(last - going + 1, last);
                    total += going;
                }
                poll();
            }
            sent.set(total);
            while (other.sent.get() != received) {
                poll();
            }
        }

        /** Takes in all that has come. */
        private void poll() throws Exception {
            poller.poll(
                    (slot, sequence, endOfBatch) -> {
                        table.take(slot.key, slot.value, slot.tsNs, answer);
                        received++;
                        return true;
                    });
        }

        /** Which of the two a key belongs to: by another hash than the table's. */
        private static int owner(long key) {
            return (int) ((key * 0xD6E8FEB86659FD93L) >>> 63);
        }
    }
}
