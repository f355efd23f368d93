package dev.sluice.actors.bench;

import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Sends tensor messages to a second JVM by every way and measures how fast they get there. */
public final class TransportBench implements AutoCloseable {
    static final String READY = "ready";

    /** One of them is kept for the sweep. */
    static final int[] PART_SIZES = {64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 1900 << 10};

    /** Bytes of tensor of the messages of a sweep. */
    public static final List<Integer> MESSAGE_SIZES =
            List.of(64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20);

    /** Long enough for a steady state, short enough for many rounds. */
    private static final int BYTES_A_ROUND = 256 << 20;

    private static final int BYTES_UNACKNOWLEDGED = 32 << 20;

    /** Artery's queue for large messages holds 256 and drops the next without a word to the sender. */
    private static final int MESSAGES_UNACKNOWLEDGED = 128;

    private final Process peer;
    private final BenchSystem shipped = BenchSystem.start(BenchSystem.AS_SHIPPED);
    private final BenchSystem whole = BenchSystem.start(BenchSystem.WHOLE_FRAMES);
    private final int rawPort;
    private final int shippedPort;
    private final int wholePort;
    private final String courierReceiver;

    private TransportBench() throws IOException {
        peer = fork(shipped.port(), whole.port());
        BufferedReader said = peer.inputReader();
        String line = said.readLine();
        while (line != null && !line.startsWith(READY)) {
            line = said.readLine();
        }
        if (line == null) {
            throw new IOException("the second JVM ended before it was ready");
        }
        String[] words = line.split(" ");
        rawPort = Integer.parseInt(words[1]);
        shippedPort = Integer.parseInt(words[2]);
        wholePort = Integer.parseInt(words[3]);
        courierReceiver = words[4];
    }

    private static Process fork(int shippedPort, int wholePort) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of(
                "-cp",
                System.getProperty("java.class.path"),
                TransportPeer.class.getName(),
                Integer.toString(shippedPort),
                Integer.toString(wholePort)));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** Forks the second JVM. */
    public static TransportBench start() throws IOException {
        return new TransportBench();
    }

    /**
     * All ways at the given sizes, in turns: what disturbs the machine disturbs all of them.
     *
     * @param sizes bytes of tensor, multiples of 64 KiB and at most 64 MiB
     * @param rounds of which the medians are taken
     * @param progress hears a line now and then
     */
    public TransportTable sweep(List<Integer> sizes, int rounds, Consumer<String> progress) throws Exception {
        TransportTable table = new TransportTable();
        try (Way raw = RawTcp.to(rawPort);
                Way one = new WholeWay(whole, wholePort);
                Way parts = bestParts(rounds, progress);
                Way stream = new StreamWay(shipped, shippedPort, new Assembly(whole.system()));
                Way courier = new CourierWay(shipped, courierReceiver)) {
            for (int bytes : sizes) {
                progress.accept("messages of " + Sizes.name(bytes));
                measure(List.of(raw, one, parts, stream, courier), bytes, rounds)
                        .forEach((way, result) -> table.add(way.name(), result));
            }
        }
        return table;
    }

    private Way bestParts(int rounds, Consumer<String> progress) throws Exception {
        Way best = null;
        double most = 0;
        for (int part : PART_SIZES) {
            Way way = new PartsWay(shipped, shippedPort, part, new Assembly(whole.system()));
            double rate = measure(List.of(way), 16 << 20, rounds).get(way).megabytesPerSecond();
            progress.accept(way.name() + ": " + Math.round(rate) + " MB/s at 16 MiB");
            if (rate > most) {
                most = rate;
                best = way;
            }
        }
        return best;
    }

    private static Map<Way, TransportTable.Result> measure(List<Way> all, int bytes, int rounds) throws Exception {
        List<Way> ways = new ArrayList<>(all);
        CriticMessage.Samples message = message(bytes);
        int count = Math.max(4, Math.min(1000, BYTES_A_ROUND / bytes));
        int window = Math.max(2, Math.min(MESSAGES_UNACKNOWLEDGED, BYTES_UNACKNOWLEDGED / bytes));
        int single = Math.max(5, Math.min(50, count / 4));
        Map<Way, List<Double>> rates = new LinkedHashMap<>();
        Map<Way, List<Double>> latencies = new LinkedHashMap<>();
        for (int round = -1; round < rounds; round++) { // the first warms up
            // Nobody always comes after the same other, whose garbage it would collect.
            Collections.rotate(ways, 1);
            for (Way way : ways) {
                long begin = System.nanoTime();
                way.send(message, count, window);
                double seconds = (System.nanoTime() - begin) / 1e9;
                if (round >= 0) {
                    rates.computeIfAbsent(way, w -> new ArrayList<>()).add(count * (bytes / 1e6) / seconds);
                }
                for (int i = 0; i < single; i++) {
                    long sent = System.nanoTime();
                    way.send(message, 1, 1);
                    if (round >= 0) {
                        latencies.computeIfAbsent(way, w -> new ArrayList<>()).add((System.nanoTime() - sent) / 1e6);
                    }
                }
            }
        }
        Map<Way, TransportTable.Result> results = new LinkedHashMap<>();
        for (Way way : all) {
            results.put(way, new TransportTable.Result(bytes, median(rates.get(way)), median(latencies.get(way))));
        }
        return results;
    }

    private static CriticMessage.Samples message(int bytes) {
        float[] values = new float[bytes / Float.BYTES];
        for (int i = 0; i < values.length; i++) {
            values[i] = i * 0.5f;
        }
        return new CriticMessage.Samples(
                1, 1, 0, 0, Tensor.owning(values, values.length / 1024, 1024), Tensor.of(new long[0], 0));
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    /** Ends the second JVM and both systems. */
    @Override
    public void close() {
        peer.destroy();
        shipped.close();
        whole.close();
    }
}
