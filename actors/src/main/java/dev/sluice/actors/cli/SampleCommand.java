package dev.sluice.actors.cli;

import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.image.SampleSheet;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.sampling.Mixture;
import dev.sluice.runtime.sampling.MixturePlan;
import dev.sluice.runtime.store.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.LongStream;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice sample}: samples of a run's experts, or of a teacher, into a picture. */
@Command(
        name = "sample",
        mixinStandardHelpOptions = true,
        footer = SluiceCommand.A_TEACHER_IS_A_PROGRAM,
        description = "Draws samples with a run's finished experts (the teacher for phases without one), or with a"
                + " teacher alone, into one PNG.")
final class SampleCommand implements Callable<Integer> {
    private static final int BATCH = 64;

    @ArgGroup(multiplicity = "1")
    private Source source;

    private static final class Source {
        @Option(names = "--run", paramLabel = "DIR", description = "A run's folder.")
        private Path run;

        @Option(names = "--teacher", paramLabel = "FILE", description = "A network file, of somebody you trust.")
        private Path teacher;
    }

    @Option(names = "--n", defaultValue = "64", description = "Samples. Default: ${DEFAULT-VALUE}.")
    private int n;

    @Option(
            names = "--seed",
            defaultValue = "0",
            description = "Of the first sample; sample i has seed + i. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(names = "--class", paramLabel = "C", description = "Name or index. Default: all classes in turn.")
    private String className;

    @Option(names = "--steps", defaultValue = "50", description = "Of --teacher. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(names = "--guidance", defaultValue = "1", description = "Of --teacher; 1 is none. Default: 1.")
    private double guidance;

    @Option(names = "--columns", description = "Of the picture. Default: one a class, or near-square.")
    private Integer columns;

    @Option(names = "--out", required = true, paramLabel = "grid.png", description = "The picture.")
    private Path out;

    @Option(
            names = "--raw",
            paramLabel = "samples.safetensors",
            description = "Also write samples (float32) and labels (int64) here.")
    private Path raw;

    @Mixin
    private Device device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (n < 1 || n > 1_000_000) {
            throw new UserError("--n " + n + " must be between 1 and 1000000");
        }
        if (seed < 0) {
            throw new UserError("--seed " + seed + " must be 0 or more");
        }
        MixturePlan plan = source.run != null
                ? Runs.finished(RunFolder.open(source.run))
                : UserError.whenRefused(this::teacherAlone);
        long[] labels = labels(plan.card());
        long[] seeds = LongStream.range(seed, seed + n).toArray();
        Tensor samples;
        try (Mixture mixture = Mixture.open(plan, device.networks())) {
            samples = mixture.sample(seeds, labels, Math.min(BATCH, n));
        }
        int classes = plan.card().classNames().size();
        int wide = columns != null ? columns : className == null && classes > 1 ? classes : 0;
        String title = plan.version() + ", " + plan.nfe() + " evaluations";
        SampleSheet.write(
                out,
                wide > 0
                        ? SampleSheet.draw(List.of(title), List.of(samples), wide)
                        : SampleSheet.draw(List.of(title), List.of(samples)));
        if (raw != null) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            tensors.put("samples", samples);
            if (classes > 0) {
                tensors.put("labels", Tensor.of(labels, n));
            }
            new Safetensors(tensors, Map.of("model_version", plan.version(), "nfe", Integer.toString(plan.nfe())))
                    .write(raw);
        }
        spec.commandLine().getOut().printf(Locale.ROOT, "sluice: %d samples of %s in %s%n", n, title, out);
        return 0;
    }

    private MixturePlan teacherAlone() {
        NetworkCard card = NetworkFile.readCard(source.teacher);
        return new MixturePlan(
                new ModelCard("teacher", card.sampleShape(), card.classNames()),
                new PhasePlan(List.of(1.0, 0.0), List.of(0.0)),
                card.schedule(),
                NetworkFile.reference("teacher", source.teacher),
                steps,
                guidance,
                List.of());
    }

    private long[] labels(ModelCard card) {
        List<String> names = card.classNames();
        long[] labels = new long[n];
        for (int i = 0; i < n; i++) {
            labels[i] = className != null ? index(names) : names.isEmpty() ? -1 : (seed + i) % names.size();
        }
        return labels;
    }

    private int index(List<String> names) {
        for (int i = 0; i < names.size(); i++) {
            if (names.get(i).equalsIgnoreCase(className) || Integer.toString(i).equals(className)) {
                return i;
            }
        }
        List<String> known = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            known.add(i + " " + names.get(i));
        }
        throw new UserError("there is no class " + className + "; "
                + (known.isEmpty() ? "this model has no classes" : "the classes are " + String.join(", ", known)));
    }
}
