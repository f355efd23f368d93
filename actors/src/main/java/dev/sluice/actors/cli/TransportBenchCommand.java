package dev.sluice.actors.cli;

import dev.sluice.actors.bench.TransportBench;
import dev.sluice.actors.bench.TransportTable;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
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

    @Option(
            names = "--sizes",
            split = ",",
            paramLabel = "KIB",
            description =
                    "Of the messages, in KiB: multiples of 64 up to 65536. Default: 64,256,1024,4096,16384,65536.")
    private List<Integer> sizes =
            TransportBench.MESSAGE_SIZES.stream().map(bytes -> bytes >> 10).toList();

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        require(rounds >= 1, "--rounds must be at least 1");
        require(
                sizes.stream().allMatch(size -> size >= 64 && size <= 65_536 && size % 64 == 0),
                "--sizes must be multiples of 64 (KiB) up to 65536");
        PrintWriter err = spec.commandLine().getErr();
        try (TransportBench bench = TransportBench.start()) {
            TransportTable table =
                    bench.sweep(sizes.stream().map(size -> size << 10).toList(), rounds, line -> {
                        err.println(line);
                        err.flush();
                    });
            spec.commandLine().getOut().print(table.render());
        }
        return 0;
    }

    private void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new ParameterException(spec.commandLine(), otherwise);
        }
    }
}
