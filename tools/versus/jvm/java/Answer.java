/**
 * What a thread has answered: how many records, and a sum of their digests that no order changes.
 *
 * <p>The digest of a record is the engine's: XXH3-64 with seed 0 of its 48 bytes, key, count, sum, min, max and
 * last, little-endian. Steps and constants: Y. Collet, "XXH3 64-bit algorithm overview", inputs of 17 to 128 bytes.
 */
final class Answer {
    private static final long PRIME64_1 = 0x9E3779B185EBCA87L;
    private static final long PRIME_MX1 = 0x165667919E3779F9L;

    // Words of the default secret at bytes 0, 8, ... 56.
    private static final long SECRET_0 = 0xBE4BA423396CFEB8L;
    private static final long SECRET_1 = 0x1CAD21F72C81017CL;
    private static final long SECRET_2 = 0xDB979083E96DD4DEL;
    private static final long SECRET_3 = 0x1F67B3B7A4A44072L;
    private static final long SECRET_4 = 0x78E5C0CC4EE679CBL;
    private static final long SECRET_5 = 0x2172FFCC7DD05A82L;
    private static final long SECRET_6 = 0x8E2443F7744608B8L;
    private static final long SECRET_7 = 0x4C263A81E69035E0L;

    long results;
    long digest;

    /** One record more. */
    void add(long key, long count, long sum, long min, long max, long last) {
        results += 1;
        digest += digest(key, count, sum, min, max, last);
    }

    /** Those of another thread. */
    void add(Answer other) {
        results += other.results;
        digest += other.digest;
    }

    static long digest(long key, long count, long sum, long min, long max, long last) {
        long hash = PRIME64_1 * 48;
        hash += mix(key ^ SECRET_0, count ^ SECRET_1);
        hash += mix(max ^ SECRET_2, last ^ SECRET_3);
        hash += mix(sum ^ SECRET_4, min ^ SECRET_5);
        hash += mix(sum ^ SECRET_6, min ^ SECRET_7);
        hash = (hash ^ (hash >>> 37)) * PRIME_MX1;
        return hash ^ (hash >>> 32);
    }

    /** Both halves of the unsigned product. `Math.unsignedMultiplyHigh` came with Java 18; this is the same. */
    private static long mix(long a, long b) {
        long high = Math.multiplyHigh(a, b) + ((a >> 63) & b) + ((b >> 63) & a);
        return a * b ^ high;
    }
}
