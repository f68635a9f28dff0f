import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Flink in a local mini cluster: a bounded source, `keyBy`, a `KeyedProcessFunction` with a `ValueState`, a sink.
 *
 * <pre>
 *   flink/1           source ─[keyBy]─► aggregate ─ sink           each line a task, a thread
 *   flink/2           source ─[keyBy]─► aggregate ─ sink
 *                     source ─[keyBy]─► aggregate ─ sink
 *   flink/1-chained   source ─ aggregate ─ sink                    `reinterpretAsKeyedStream`: no exchange
 * </pre>
 *
 * At its best: state on the heap; objects reused between chained operators; no timer that flushes buffers before they
 * are full (`execution.buffer-timeout.enabled: false`); a serializer of its own for the event; no checkpoints, no
 * watermarks. Heap state cannot be presized.
 */
public final class FlinkPeer {
    /** This turn and its stopwatch: for the operators, which Flink makes by itself, in this process. */
    static Turn turn;

    static Race race;
    private static Answer answer;

    private FlinkPeer() {}

    public static void main(String[] args) throws Exception {
        Turn.main(args, FlinkPeer::run);
        // The mini cluster leaves threads behind that are no daemons.
        System.exit(0);
    }

    private static Answer run(Turn turn, Race race) throws Exception {
        FlinkPeer.turn = turn;
        FlinkPeer.race = race;
        answer = new Answer();
        Configuration configuration = new Configuration();
        configuration.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        configuration.set(PipelineOptions.OBJECT_REUSE, true);
        configuration.set(PipelineOptions.GENERIC_TYPES, false);
        configuration.set(ExecutionOptions.BUFFER_TIMEOUT_ENABLED, false);
        int parallelism = turn.sources.length;
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.createLocalEnvironment(parallelism, configuration);
        DataStream<Event> events =
                environment.fromSource(new MemorySource(), WatermarkStrategy.noWatermarks(), "events");
        KeyedStream<Event, Long> keyed =
                turn.variant.endsWith("-chained")
                        ? DataStreamUtils.reinterpretAsKeyedStream(events, event -> event.key, Types.LONG)
                        : events.keyBy(event -> event.key, Types.LONG);
        keyed.process(new Aggregate()).sinkTo(new Digest());
        environment.execute("aggregate");
        return answer;
    }

    /** For each key its count, sum, smallest, largest, last; every event puts out the updated record. */
    private static final class Aggregate extends KeyedProcessFunction<Long, Event, Aggregated> {
        private static final long serialVersionUID = 1L;

        private transient ValueState<Total> state;
        private transient Aggregated record;

        @Override
        public void open(OpenContext context) {
            state = getRuntimeContext().getState(new ValueStateDescriptor<>("total", Total.class));
            record = new Aggregated();
        }

        @Override
        public void processElement(Event event, Context context, Collector<Aggregated> out) throws Exception {
            Total total = state.value();
            if (total == null) {
                total = new Total();
                total.min = event.value;
                total.max = event.value;
            }
            total.count += 1;
            total.sum += event.value;
            total.min = Math.min(total.min, event.value);
            total.max = Math.max(total.max, event.value);
            total.lastNs = event.tsNs;
            state.update(total);
            record.key = event.key;
            record.count = total.count;
            record.sum = total.sum;
            record.min = total.min;
            record.max = total.max;
            record.lastNs = total.lastNs;
            out.collect(record);
        }
    }

    /** Folds all records into the answer. */
    private static final class Digest implements Sink<Aggregated> {
        private static final long serialVersionUID = 1L;

        @Override
        public SinkWriter<Aggregated> createWriter(WriterInitContext context) {
            return new Writer();
        }
    }

    private static final class Writer implements SinkWriter<Aggregated> {
        private final Answer own = new Answer();

        @Override
        public void write(Aggregated it, Context context) {
            own.add(it.key, it.count, it.sum, it.min, it.max, it.lastNs);
        }

        @Override
        public void flush(boolean endOfInput) {
            if (endOfInput) {
                race.end();
                synchronized (FlinkPeer.class) {
                    answer.add(own);
                }
            }
        }

        @Override
        public void close() {}
    }
}
