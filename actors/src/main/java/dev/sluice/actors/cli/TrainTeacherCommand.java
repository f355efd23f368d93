package dev.sluice.actors.cli;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Recipe;
import dev.sluice.runtime.data.Dataset;
import dev.sluice.runtime.network.Architecture;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TorchNetworks;
import dev.sluice.runtime.network.TrainableNetwork;
import dev.sluice.runtime.objective.Prediction;
import dev.sluice.runtime.teacher.FlowMatching;
import dev.sluice.runtime.teacher.FlowMatchingSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice train-teacher}: flow matching on data, from nothing to a network file and a note of how it was made. */
@Command(
        name = "train-teacher",
        mixinStandardHelpOptions = true,
        showDefaultValues = true,
        description =
                "Trains a teacher by flow matching and writes it as a TorchScript file, with a text file beside it"
                        + " that says how it was made.")
final class TrainTeacherCommand implements Callable<Integer> {
    private enum Kind {
        TRANSFORMER,
        MLP
    }

    @Option(
            names = "--data",
            required = true,
            description = "fashion-mnist[:FOLDER], png:FOLDER (sub-folders are classes), mixture-1d or mixture-2d.")
    private String data;

    @Option(names = "--out", required = true, description = "The file to write, such as teachers/mine.pt.")
    private Path out;

    @Option(names = "--network", description = "${COMPLETION-CANDIDATES}. Default: transformer for images, else mlp.")
    private Kind network;

    @Option(names = "--width", defaultValue = "96", description = "Width of a token, or of a hidden layer.")
    private int width;

    @Option(names = "--depth", defaultValue = "4", description = "Blocks, or hidden layers.")
    private int depth;

    @Option(names = "--heads", defaultValue = "4", description = "Attention heads (transformer).")
    private int heads;

    @Option(names = "--patch", defaultValue = "4", description = "Side of a patch in pixels (transformer).")
    private int patch;

    @Option(
            names = "--fp32",
            description = "Run matrix products in float32; the transformer's run in bfloat16 otherwise.")
    private boolean fp32;

    @Option(
            names = "--schedule",
            defaultValue = "RECTIFIED_FLOW",
            description = "Forward process: ${COMPLETION-CANDIDATES}.")
    private Recipe.Schedule schedule;

    @Option(
            names = "--prediction",
            defaultValue = "VELOCITY",
            description = "What the network learns to return: ${COMPLETION-CANDIDATES} (docs/networks.md).")
    private Prediction prediction;

    @Option(names = "--steps", defaultValue = "9000", description = "Optimizer steps.")
    private int steps;

    @Option(names = "--batch", defaultValue = "96", description = "Samples a step.")
    private int batch;

    @Option(names = "--learning-rate", defaultValue = "1.5e-3", description = "Peak rate of AdamW, cosine to zero.")
    private double learningRate;

    @Option(names = "--warmup", defaultValue = "100", description = "Steps of linear rise.")
    private int warmup;

    @Option(names = "--weight-decay", defaultValue = "0.01", description = "AdamW's.")
    private double weightDecay;

    @Option(names = "--clip", defaultValue = "1", description = "Global norm of the gradient.")
    private double clip;

    @Option(names = "--ema", defaultValue = "0.998", description = "Decay of the weights' average, which is kept.")
    private double ema;

    @Option(names = "--times", defaultValue = "LOGIT_NORMAL", description = "Draw of t: ${COMPLETION-CANDIDATES}.")
    private FlowMatchingSettings.Times times;

    @Option(names = "--label-dropout", defaultValue = "0.1", description = "Share of samples without their class.")
    private double labelDropout;

    @Option(names = "--no-mirror", description = "Do not flip images left to right.")
    private boolean noMirror;

    @Option(names = "--seed", defaultValue = "1", description = "Of weights, batches and noise.")
    private long seed;

    @Mixin
    private Device device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Output.requireCreatable("--out", out);
        Dataset dataset = Training.dataset("--data", data);
        say("sluice: read " + Training.summary(dataset) + " from " + data);
        Architecture architecture = UserError.whenRefused(() -> architecture(dataset));
        FlowMatchingSettings settings = UserError.whenRefused(() -> settings(dataset));
        NetworkCard fresh = new NetworkCard(
                dataset.sampleShape(), dataset.classNames(), schedule, 0, List.of(), Map.of(), prediction);
        Path folder = out.toAbsolutePath().getParent();
        Files.createDirectories(folder);
        TorchNetworks networks = device.networks();
        Path start = Files.createTempFile(folder, "untrained-", ".pt");
        try {
            create(start, architecture, fresh);
            ExpertRef ref = NetworkFile.reference("untrained", start);
            try (TrainableNetwork trained = networks.openForTraining(ref, settings.optimizer(), ema)) {
                train(dataset, settings, trained, architecture);
            }
        } finally {
            Files.deleteIfExists(start);
        }
        return 0;
    }

    private void say(String line) {
        spec.commandLine().getOut().println(line);
        spec.commandLine().getOut().flush();
    }

    /** The sizes may not suit the data; that shows here. */
    private void create(Path file, Architecture architecture, NetworkCard card) throws IOException {
        try {
            NetworkFile.create(file, architecture, card, seed);
        } catch (IllegalArgumentException e) {
            throw new UserError(e.getMessage());
        }
    }

    private static boolean isImages(Dataset dataset) {
        return dataset.sampleShape().size() == 3;
    }

    private Architecture architecture(Dataset dataset) {
        Kind kind = network != null ? network : isImages(dataset) ? Kind.TRANSFORMER : Kind.MLP;
        return kind == Kind.TRANSFORMER
                ? new Architecture.DiffusionTransformer(width, depth, heads, patch, !fp32)
                : new Architecture.VelocityMlp(width, depth);
    }

    private FlowMatchingSettings settings(Dataset dataset) {
        return new FlowMatchingSettings(
                seed,
                steps,
                batch,
                times,
                dataset.classNames().isEmpty() ? 0 : labelDropout,
                isImages(dataset) && !noMirror,
                warmup,
                new AdamWSettings(learningRate, 0.9, 0.999, 1e-8, weightDecay, clip),
                ema);
    }

    private void train(
            Dataset dataset, FlowMatchingSettings settings, TrainableNetwork trained, Architecture architecture)
            throws IOException {
        FlowMatching matching = new FlowMatching(settings, dataset, trained);
        Training training = new Training(spec);
        double loss = Training.run(settings.steps(), matching::step);
        Map<String, String> provenance = training.provenance();
        provenance.put("data", data + ", " + dataset.sampleShape() + ", classes " + dataset.classNames());
        provenance.put("architecture", architecture.toString());
        provenance.put("training", settings.toString());
        provenance.put(
                "loss",
                String.format(
                        Locale.ROOT,
                        "%.5f (mean squared error of the %s, averaged over about the last 100 steps)",
                        loss,
                        prediction.name().toLowerCase(Locale.ROOT)));
        NetworkCard card = trained.card();
        NetworkCard made = new NetworkCard(
                card.sampleShape(), card.classNames(), card.schedule(), 0, List.of(), provenance, card.prediction());
        trained.writeAverage(out, made);
        Training.note(out, provenance);
        spec.commandLine()
                .getOut()
                .printf(
                        "sluice: the teacher is %s; look at it with ./sluice sample --teacher %s --out grid.png%n",
                        out, out);
    }
}
