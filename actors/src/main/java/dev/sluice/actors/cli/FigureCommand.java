package dev.sluice.actors.cli;

import dev.sluice.monitoring.progress.Progress;
import dev.sluice.runtime.figure.SubintervalFigure;
import dev.sluice.runtime.figure.TrajectoryPlot;
import dev.sluice.runtime.network.TorchNetworks;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice figure}: the paper's figures, made again. */
@Command(
        name = "figure",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "FIGURE",
        description = "Makes figures of the paper again, from trainings whose exact answers are known.")
final class FigureCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    @Command(
            name = "subinterval",
            mixinStandardHelpOptions = true,
            description = {
                "Fig 2: what a score learns above a boundary when its data stand there. Three trainings on a line, 200"
                        + " trajectories each beside the exact ones.",
                "Ordinary training, the unbiased target of Eq 11, and the tempting wrong one."
            })
    int subinterval(
            @Option(names = "--out", paramLabel = "FILE.png", required = true, description = "Where the figure goes.")
                    Path out,
            @Option(names = "--steps", defaultValue = "1500", description = "Of each training. Default: 1500.")
                    int steps,
            @Option(names = "--seed", defaultValue = "1", description = "Default: 1.") long seed,
            @Mixin Device device)
            throws IOException {
        if (steps < 1) {
            throw new UserError("--steps " + steps + " must be at least 1");
        }
        Output.requireWritable("--out", out);
        TorchNetworks networks = device.networks();
        SubintervalFigure figure = new SubintervalFigure(networks, SubintervalFigure.Settings.ofPaper(steps, seed));
        Path scratch = Files.createTempDirectory("sluice-figure-");
        List<SubintervalFigure.Panel> panels = new ArrayList<>();
        SubintervalFigure.Target[] targets = SubintervalFigure.Target.values();
        try (Progress progress = Progress.onStdout("steps")) {
            progress.begin("training", (long) steps * targets.length, 0);
            long[] done = {0};
            for (SubintervalFigure.Target target : targets) {
                String name = target.name().toLowerCase(Locale.ROOT);
                panels.add(figure.train(
                        target,
                        scratch,
                        loss -> progress.advance(++done[0], String.format(Locale.ROOT, "%s, loss %.3f", name, loss))));
            }
        } finally {
            delete(scratch);
        }
        TrajectoryPlot.write(out, panels);
        PrintWriter print = spec.commandLine().getOut();
        print.println("mean distance of the trajectories to the exact ones");
        panels.forEach(panel -> print.printf(
                Locale.ROOT, "  %-12s %.4f%n", panel.target().name().toLowerCase(Locale.ROOT), panel.meanDistance()));
        print.println("sluice: the figure is in " + out);
        return 0;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }
}
