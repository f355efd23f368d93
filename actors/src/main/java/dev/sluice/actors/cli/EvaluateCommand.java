package dev.sluice.actors.cli;

import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.data.Mixture;
import dev.sluice.runtime.metric.EnergyDistance;
import dev.sluice.runtime.metric.Modes;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TorchNetworks;
import dev.sluice.runtime.sampling.MixturePlan;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.LongStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice evaluate}: how close finished runs on points come to their teacher. */
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        description = "Compares finished runs on points (such as mixture-2d) with their teacher's many-step samples:"
                + " energy distance, and modes reached.")
final class EvaluateCommand implements Callable<Integer> {
    /** Seeds of the reference; far from those of the samples that are judged. */
    private static final long REFERENCE_SEED = 1_000_000_000;

    private static final int BATCH = 1024;

    @Option(names = "--run", paramLabel = "DIR", required = true, description = "A finished run.")
    private Path run;

    @Option(names = "--against", paramLabel = "DIR", description = "Another, of the same teacher. Repeatable.")
    private List<Path> against = new ArrayList<>();

    @Option(names = "--n", defaultValue = "4096", description = "Samples of each. Default: ${DEFAULT-VALUE}.")
    private int n;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        if (n < 2 || n > 100_000) {
            throw new UserError("--n " + n + " must be between 2 and 100000");
        }
        List<Path> folders = new ArrayList<>(List.of(run));
        folders.addAll(against);
        List<MixturePlan> plans = new ArrayList<>();
        for (Path folder : folders) {
            plans.add(finished(folder, plans));
        }
        TorchNetworks networks = TorchNetworks.on("cpu", Runtime.getRuntime().availableProcessors());
        MixturePlan teacher = plans.get(0).teacherAlone();
        Tensor reference = sample(networks, teacher, REFERENCE_SEED);
        PrintWriter out = spec.commandLine().getOut();
        out.printf("%-32s %5s %18s %8s%n", "samples", "nfe", "energy distance", "modes");
        row(out, "teacher, other seeds", teacher, sample(networks, teacher, 0), reference);
        for (int i = 0; i < plans.size(); i++) {
            row(out, folders.get(i).toString(), plans.get(i), sample(networks, plans.get(i), 0), reference);
        }
        return 0;
    }

    private static MixturePlan finished(Path folder, List<MixturePlan> before) {
        MixturePlan plan = Runs.finished(RunFolder.open(folder));
        if (plan.card().isImage()) {
            throw new UserError(folder + " makes images; evaluate compares runs on points");
        }
        if (plan.experts().size() < plan.phases().phaseCount()) {
            throw new UserError(folder + " is not finished: it has experts for "
                    + plan.experts().size() + " of " + plan.phases().phaseCount() + " phases");
        }
        if (!before.isEmpty()
                && !before.get(0).teacher().sha256().equals(plan.teacher().sha256())) {
            throw new UserError(folder + " has another teacher than the first run; compare runs of one teacher");
        }
        return plan;
    }

    private Tensor sample(TorchNetworks networks, MixturePlan plan, long firstSeed) {
        long[] labels = new long[n];
        java.util.Arrays.fill(labels, -1);
        try (dev.sluice.runtime.sampling.Mixture mixture = dev.sluice.runtime.sampling.Mixture.open(plan, networks)) {
            return mixture.sample(LongStream.range(firstSeed, firstSeed + n).toArray(), labels, Math.min(BATCH, n));
        }
    }

    private static void row(PrintWriter out, String name, MixturePlan plan, Tensor samples, Tensor reference) {
        out.printf(
                Locale.ROOT,
                "%-32s %5d %18.5f %8s%n",
                name,
                plan.nfe(),
                EnergyDistance.between(samples, reference),
                modes(plan, samples));
        out.flush();
    }

    /** Known only where the teacher was trained on the grid of Gaussians. */
    private static String modes(MixturePlan plan, Tensor samples) {
        NetworkCard card = NetworkFile.readCard(Path.of(plan.teacher().path()));
        if (!card.provenance().getOrDefault("data", "").startsWith("mixture-2d")) {
            return "-";
        }
        Mixture grid = Mixture.grid(0);
        return Modes.reached(samples, grid) + "/" + grid.modes();
    }
}
