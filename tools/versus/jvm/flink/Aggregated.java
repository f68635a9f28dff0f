/** The record after an event. Between chained operators with object reuse, so one instance serves. */
public final class Aggregated {
    public long key;
    public long count;
    public long sum;
    public long min;
    public long max;
    public long lastNs;
}
