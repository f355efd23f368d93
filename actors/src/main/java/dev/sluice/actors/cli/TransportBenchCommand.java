package dev.sluice.actors.cli;

import dev.sluice.actors.bench.TransportBench;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice bench transport}. */
@Command(
        name = "transport",
        mixinStandardHelpOptions = true,
        description =
                "Sends tensor messages between two JVMs over loopback by every way there is, from 64 KiB to 64 MiB,"
                        + " beside a raw TCP copy.")
final class TransportBenchCommand implements Callable<Integer> {
    @Option(names = "--rounds", defaultValue = "5", description = "Of each way and size. Default: ${DEFAULT-VALUE}.")
    private int rounds;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter err = spec.commandLine().getErr();
        try (TransportBench bench = TransportBench.start()) {
            Map<String, List<TransportBench.Result>> results = bench.sweep(rounds, line -> {
                err.println(line);
                err.flush();
            });
            print(spec.commandLine().getOut(), results);
        }
        return 0;
    }

    private static void print(PrintWriter out, Map<String, List<TransportBench.Result>> results) {
        List<TransportBench.Result> raw = results.values().iterator().next();
        results.forEach((way, row) -> {
            for (int i = 0; i < row.size(); i++) {
                TransportBench.Result result = row.get(i);
                out.printf(
                        Locale.ROOT,
                        "%-28s %9d KiB %8.0f MB/s %9.2f ms  %4.2f of raw TCP%n",
                        way,
                        result.bytes() >> 10,
                        result.megabytesPerSecond(),
                        result.milliseconds(),
                        result.megabytesPerSecond() / raw.get(i).megabytesPerSecond());
            }
        });
    }
}
