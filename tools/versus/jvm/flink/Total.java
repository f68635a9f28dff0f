/** What is remembered of a key. */
public final class Total {
    public long count;
    public long sum;
    public long min;
    public long max;
    public long lastNs;
}
