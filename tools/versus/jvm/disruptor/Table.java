/**
 * Totals by key: a flat table of longs with linear probing, nothing boxed, nothing allocated for a key.
 *
 * <pre>
 *   word 0     1       2     3     4     5      6, 7
 *        key   count   sum   min   max   last   not used: slots keep step with cache lines
 * </pre>
 *
 * Invariant: a slot with count 0 is empty; at most three quarters are not. Owned by one thread.
 */
final class Table {
    private static final int SLOT_WORDS_LOG2 = 3;
    /** Slots that a table has which starts empty. */
    private static final int SLOTS_MIN = 1024;

    private long[] words;
    /** Slots - 1; a power of two less one. */
    private int mask;
    /** 64 - log2(slots). */
    private int shift;
    /** Keys that may come before the table has to grow. */
    private int room;

    /** With room for `keys` keys; 0: empty, to grow. */
    Table(int keys) {
        int slots = SLOTS_MIN;
        while (keys > slots / 4 * 3) {
            slots *= 2;
        }
        allocate(slots);
    }

    /** Takes in an event; the updated record goes to `answer`. */
    void take(long key, long value, long tsNs, Answer answer) {
        int at = find(key);
        long[] w = words;
        long count = w[at + 1] + 1;
        long sum = w[at + 2] + value;
        long min = count == 1 ? value : Math.min(w[at + 3], value);
        long max = count == 1 ? value : Math.max(w[at + 4], value);
        w[at] = key;
        w[at + 1] = count;
        w[at + 2] = sum;
        w[at + 3] = min;
        w[at + 4] = max;
        w[at + 5] = tsNs;
        answer.add(key, count, sum, min, max, tsNs);
        if (count == 1 && --room == 0) {
            grow();
        }
    }

    /** First word of the key's slot, or of the empty one where it belongs. */
    private int find(long key) {
        int slot = home(key);
        while (true) {
            int at = slot << SLOT_WORDS_LOG2;
            if (words[at] == key || words[at + 1] == 0) {
                return at;
            }
            slot = (slot + 1) & mask;
        }
    }

    /** Fibonacci hashing: the first bits of a product with 2^64 by the golden ratio. */
    private int home(long key) {
        return (int) ((key * 0x9E3779B97F4A7C15L) >>> shift);
    }

    private void allocate(int slots) {
        words = new long[Math.multiplyExact(slots, 1 << SLOT_WORDS_LOG2)];
        mask = slots - 1;
        shift = Long.numberOfLeadingZeros(mask);
        room = slots / 4 * 3;
    }

    private void grow() {
        long[] old = words;
        int taken = room;
        allocate(2 * (mask + 1));
        for (int from = 0; from < old.length; from += 1 << SLOT_WORDS_LOG2) {
            if (old[from + 1] != 0) {
                System.arraycopy(old, from, words, find(old[from]), 6);
                taken += 1;
            }
        }
        room -= taken;
    }
}
