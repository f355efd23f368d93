package dev.sluice.actors.cli;

import dev.sluice.actors.experiments.RunStart;
import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.actors.supervisor.Gallery;
import dev.sluice.actors.supervisor.Outcome;
import dev.sluice.actors.supervisor.PhaseSupervisor;
import dev.sluice.actors.supervisor.RunPlan;
import dev.sluice.config.ExperimentSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.process.ProcessCost;
import dev.sluice.monitoring.run.MetricsCsv;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.runtime.distillation.PlainLoop;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.Networks;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongConsumer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice bench}: what the actors cost beside the plain loop, on this machine. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        description = "Measures on this machine. Run nothing else meanwhile.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = TransportBenchCommand.class)
final class BenchCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** What both benches need. */
    static final class What {
        @Option(
                names = "--experiment",
                paramLabel = "NAME|FILE.conf",
                defaultValue = "fashion",
                description = "Whose recipe and teacher. Default: ${DEFAULT-VALUE}.")
        private String experiment;

        @Option(names = "--set", paramLabel = "key=value", description = "Overrides a setting. Repeatable.")
        private List<String> overrides = new ArrayList<>();

        private Settings settings(int cycles) {
            List<String> all = new ArrayList<>(overrides);
            all.add("serving.port=0");
            Settings settings = Settings.load(experiment, all, Home.folder());
            int phases = settings.experiment().plan().phaseCount();
            all.add("experiment.cycles=" + Collections.nCopies(phases, cycles));
            return Settings.load(experiment, all, Home.folder());
        }
    }

    @Command(
            name = "cycle",
            mixinStandardHelpOptions = true,
            description =
                    "Times one cycle of the plain single-threaded loop, of the actor system in one process, and with every"
                            + " role in a process of its own, in turns.")
    int cycle(
            @Mixin What what,
            @Option(names = "--cycles", defaultValue = "8", description = "Per phase and round. Default: 8.")
                    int cycles,
            @Option(names = "--rounds", defaultValue = "2", description = "Of each. Default: 2.") int rounds)
            throws Exception {
        Settings settings = what.settings(cycles);
        Networks networks =
                Device.networks(settings.engine()).get(settings.engine().device());
        List<Double> plain = new ArrayList<>();
        List<Double> actors = new ArrayList<>();
        List<Double> processes = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            plain.addAll(plainLoop(settings, networks));
            actors.addAll(actorSystem(settings, networks, cycle -> {}));
            processes.addAll(roleProcesses(what, settings));
        }
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                Locale.ROOT,
                "%s, %d threads, %d cycles each%n",
                settings.experiment().name(),
                settings.engine().threads(),
                plain.size());
        tell(out, "plain loop", plain, plain);
        tell(out, "one process", actors, plain);
        tell(out, "one process a role", processes, plain);
        return 0;
    }

    @Command(
            name = "memory",
            mixinStandardHelpOptions = true,
            description = "Prints the process's resident size while the actor system runs (Linux).")
    int memory(
            @Mixin What what,
            @Option(names = "--cycles", defaultValue = "500", description = "Per phase. Default: 500.") int cycles)
            throws Exception {
        Settings settings = what.settings(cycles);
        Networks networks =
                Device.networks(settings.engine()).get(settings.engine().device());
        PrintWriter out = spec.commandLine().getOut();
        actorSystem(settings, networks, cycle -> {
            if (cycle % 50 == 0) {
                out.printf(Locale.ROOT, "  cycle %5d  resident %6.0f MiB%n", cycle, residentMiB());
                out.flush();
            }
        });
        return 0;
    }

    private static void tell(PrintWriter out, String what, List<Double> millis, List<Double> plain) {
        out.printf(
                Locale.ROOT,
                "  %-18s  median %7.1f ms a cycle  %6.3f cycles/s  %.3f of the plain loop's time%n",
                what,
                median(millis),
                1000 / median(millis),
                median(millis) / median(plain));
    }

    /** As {@link #plainLoop}, of a run that is recorded as always, in a folder that is thrown away. */
    private static List<Double> roleProcesses(What what, Settings settings) throws IOException, InterruptedException {
        Path scratch = Files.createTempDirectory("sluice-bench-");
        Path run = scratch.resolve("run");
        List<String> arguments = new ArrayList<>(List.of("distill", "--processes", "--experiment", what.experiment));
        arguments.addAll(List.of("--run", run.toString()));
        what.overrides.forEach(override -> arguments.addAll(List.of("--set", override)));
        for (String quiet : List.of(
                "serving.port=0",
                "experiment.cycles=" + settings.experiment().cycles(),
                "experiment.grid-samples=0",
                "experiment.snapshot-every=0",
                "checkpoint.every=0")) {
            arguments.addAll(List.of("--set", quiet));
        }
        Path log = scratch.resolve("log");
        if (RunProcess.run(arguments, log) != 0) {
            throw new UserError("the run in processes failed; see " + log);
        }
        List<Double> millis = new ArrayList<>();
        double last = 0;
        for (MetricsCsv.Row row : MetricsCsv.read(RunFolder.open(run).metrics())) {
            if (row.cycle() > 0) {
                millis.add(1000 * (row.seconds() - last));
            }
            last = row.seconds();
        }
        return millis;
    }

    private static double residentMiB() {
        OptionalLong bytes = ProcessCost.now().resident();
        return bytes.isPresent() ? bytes.getAsLong() / (double) (1 << 20) : Double.NaN;
    }

    /** Milliseconds of each cycle but the first of every phase, which still warms up. */
    private static List<Double> plainLoop(Settings settings, Networks networks) throws IOException {
        ExperimentSettings experiment = settings.experiment();
        Path scratch = Files.createTempDirectory("sluice-bench-");
        Stopwatch watch = new Stopwatch();
        new PlainLoop(
                        networks,
                        NetworkFile.reference("teacher", experiment.teacher()),
                        experiment.plan(),
                        experiment.recipe())
                .run(experiment.cycles(), scratch, report -> watch.cycle(report.cycle()));
        return watch.millis;
    }

    private static List<Double> actorSystem(Settings settings, Networks networks, LongConsumer onCycle)
            throws Exception {
        ExperimentSettings experiment = settings.experiment();
        NetworkCard card = NetworkFile.readCard(experiment.teacher());
        ExpertRef teacher = NetworkFile.reference("teacher", experiment.teacher());
        Stopwatch watch = new Stopwatch();
        CompletableFuture<Outcome> ended = new CompletableFuture<>();
        try (SluiceProcess process = SluiceProcess.start(settings, networks)) {
            long[] cycles = {0};
            ActorRef<RecorderMessage> recorder = process.spawn(
                    hearing(message -> {
                        if (message instanceof RecorderMessage.Cycle cycle) {
                            watch.cycle(cycle.report().cycle());
                            onCycle.accept(++cycles[0]);
                        }
                    }),
                    "recorder",
                    Props.empty());
            ActorRef<Outcome> listener =
                    process.spawn(BenchCommand.<Outcome>hearing(ended::complete), "listener", Props.empty());
            RunPlan plan = RunStart.first(
                            settings, RunFolder.create(Files.createTempDirectory("sluice-bench-"), settings.render()))
                    .plan(new ModelCard(experiment.name(), card.sampleShape(), card.classNames()));
            process.spawn(
                    PhaseSupervisor.create(
                            plan,
                            recorder,
                            new Gallery.Settings(0, 0, 1, Duration.ofSeconds(1), Set.of()),
                            process.courier(),
                            listener),
                    "supervisor",
                    Props.empty());
            if (!(ended.join() instanceof Outcome.Finished)) {
                throw new UserError("the run did not finish: " + ended.join());
            }
        }
        return watch.millis;
    }

    private static <M> Behavior<M> hearing(java.util.function.Consumer<M> consumer) {
        return Behaviors.receiveMessage(message -> {
            consumer.accept(message);
            return Behaviors.same();
        });
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    private static final class Stopwatch {
        private final List<Double> millis = new ArrayList<>();
        private long last;

        private void cycle(int number) {
            long now = System.nanoTime();
            if (number > 0) {
                millis.add((now - last) / 1e6);
            }
            last = now;
        }
    }
}
