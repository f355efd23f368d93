package dev.sluice.actors.cli;

import dev.sluice.actors.experiments.RunStart;
import dev.sluice.actors.experiments.TeacherCheck;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.LockFile;
import dev.sluice.monitoring.run.RunFolder;
import java.io.Closeable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice compare}: trains variants of one experiment over several seeds and measures them side by side. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        footer = SluiceCommand.A_TEACHER_IS_A_PROGRAM,
        description = {
            "Trains variants of one experiment, each with several seeds, one after another, and measures them side by"
                    + " side. Without --variant: the four methods of the paper's Fig 1 at an equal number of generator"
                    + " updates and equal steps.",
            "Stop it at any time; the same command goes on where it was."
        })
final class CompareCommand implements Callable<Integer> {
    private static final String LEAST_DIVERSE = "dmd-sgts";

    @Option(
            names = "--experiment",
            paramLabel = "NAME|FILE.conf",
            defaultValue = "fashion",
            description = "What all variants start from. Default: ${DEFAULT-VALUE}.")
    private String experiment;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "For runs and report; may be the folder of the same comparison begun before. Default:"
                    + " runs/compare-NAME.")
    private Path out;

    @Option(names = "--seeds", defaultValue = "3", description = "Of each variant, 1 to N. Default: ${DEFAULT-VALUE}.")
    private int seeds;

    @Option(
            names = "--variant",
            paramLabel = "NAME:key=value;...",
            description = "What is compared. Repeatable. Example: --variant few:experiment.recipe.critic-updates=1")
    private List<String> variants = new ArrayList<>();

    @Option(
            names = "--baseline",
            paramLabel = "NAME",
            description = "Variant whose lost diversity counts as all there is to recover. Default: dmd-sgts where it"
                    + " takes part, else the first.")
    private String baseline;

    @Option(
            names = "--set",
            paramLabel = "key=value",
            description = "Overrides a setting of every variant. Repeatable.")
    private List<String> settings = new ArrayList<>();

    @Mixin
    private Assessment assessment;

    @Spec
    private CommandSpec spec;

    private record Planned(Variant variant, int seed, Path folder, List<String> overrides, Settings settings) {}

    @Override
    public Integer call() throws Exception {
        if (seeds < 1 || seeds > 1000) {
            throw new UserError("--seeds " + seeds + " must be between 1 and 1000");
        }
        List<Variant> compared = variants.isEmpty()
                ? Variant.methods()
                : variants.stream().map(Variant::parse).toList();
        String counted = baseline(compared);
        List<Planned> plan = plan(compared);
        Path root = plan.get(0).folder().getParent().getParent();
        Files.createDirectories(root);
        PrintWriter print = spec.commandLine().getOut();
        Closeable lock = lock(root);
        try (lock) {
            for (int i = 0; i < plan.size(); i++) {
                carryOut(plan.get(i), i + 1, plan.size(), print);
            }
            List<Assessment.Group> groups = new ArrayList<>();
            for (Variant variant : compared) {
                groups.add(group(variant, plan));
            }
            Assessment.write(
                    assessment.report(
                            "Comparison on " + experiment,
                            groups,
                            Optional.of(counted),
                            told(plan, counted),
                            Optional.of(root),
                            print),
                    root.resolve("comparison.html"),
                    print);
        }
        return 0;
    }

    private String baseline(List<Variant> compared) {
        List<String> names = compared.stream().map(Variant::name).toList();
        Set<String> once = new HashSet<>();
        for (String name : names) {
            if (!once.add(name)) {
                throw new UserError("there are two variants " + name + "; give each a name of its own");
            }
        }
        if (baseline != null && !names.contains(baseline)) {
            throw new UserError("--baseline " + baseline + " is none of the variants " + String.join(", ", names));
        }
        return baseline != null ? baseline : names.contains(LEAST_DIVERSE) ? LEAST_DIVERSE : names.get(0);
    }

    /** All runs, the seeds outermost, so that a comparison stopped halfway has some of everything. */
    private List<Planned> plan(List<Variant> compared) {
        List<Planned> plan = new ArrayList<>();
        for (int seed = 1; seed <= seeds; seed++) {
            for (Variant variant : compared) {
                List<String> overrides = new ArrayList<>(settings);
                overrides.addAll(variant.settings());
                overrides.add("experiment.recipe.seed=" + seed);
                // Nobody asks while they are compared, and another run may have the port.
                overrides.add("serving.port=0");
                Settings read = Settings.load(experiment, overrides, Home.folder());
                UserError.whenRefused(() -> TeacherCheck.requireRoom(
                        read, TeacherCheck.requireFits(read), TeacherCheck.budget(read.node())));
                Path root = out != null
                        ? out
                        : Path.of("runs", "compare-" + read.experiment().name());
                Path folder = root.toAbsolutePath()
                        .normalize()
                        .resolve(variant.name())
                        .resolve("seed-" + seed);
                plan.add(new Planned(variant, seed, folder, overrides, read));
            }
        }
        return plan;
    }

    private static Closeable lock(Path root) throws IOException {
        return LockFile.take(root.resolve(".lock"))
                .orElseThrow(() ->
                        new UserError(root + " is being compared by another process; wait for it, or stop it first"));
    }

    private void carryOut(Planned planned, int number, int of, PrintWriter print) throws Exception {
        Path folder = planned.folder();
        String what = String.format(
                Locale.ROOT,
                "run %d of %d, %s, seed %d",
                number,
                of,
                planned.variant().name(),
                planned.seed());
        boolean begun = Files.exists(folder.resolve("config.conf"));
        if (begun) {
            requireSame(planned);
            if (FinishedRun.isFinished(RunFolder.open(folder))) {
                say(print, "sluice: " + what + ": finished before");
                return;
            }
        }
        Files.createDirectories(folder.getParent());
        Path log = folder.resolveSibling(folder.getFileName() + ".log");
        say(print, "sluice: " + what + (begun ? ": going on" : "") + ", log in " + log);
        long start = System.nanoTime();
        int code = RunProcess.run(arguments(planned, begun), log);
        if (code != 0 || !FinishedRun.isFinished(RunFolder.open(folder))) {
            throw new UserError(what + " ended with exit code " + code + " before it was finished; what it said is in "
                    + log + "\n        when that is mended, the same command goes on");
        }
        say(
                print,
                String.format(Locale.ROOT, "sluice: %s: took %d s", what, (System.nanoTime() - start) / 1_000_000_000));
    }

    private List<String> arguments(Planned planned, boolean begun) {
        if (begun) {
            return List.of("resume", "--run", planned.folder().toString(), "--port", "0");
        }
        List<String> arguments = new ArrayList<>(List.of(
                "distill", "--experiment", experiment, "--run", planned.folder().toString()));
        planned.overrides().forEach(override -> arguments.addAll(List.of("--set", override)));
        return arguments;
    }

    private static void requireSame(Planned planned) {
        Map<String, String> was =
                Settings.read(RunFolder.open(planned.folder()).config()).identity();
        Map<String, String> is = planned.settings().identity();
        String changes = RunStart.differences(was, is);
        if (!changes.isEmpty()) {
            throw new UserError(planned.folder() + " holds a run of another configuration: another " + changes
                    + "\n        name another folder with --out, or delete that one");
        }
    }

    private static Assessment.Group group(Variant variant, List<Planned> plan) throws IOException {
        List<FinishedRun> runs = new ArrayList<>();
        for (Planned planned : plan) {
            if (planned.variant().equals(variant)) {
                runs.add(FinishedRun.open(planned.folder()));
            }
        }
        return new Assessment.Group(variant.name(), runs);
    }

    private Map<String, String> told(List<Planned> plan, String counted) {
        Map<String, String> told = new LinkedHashMap<>();
        told.put("experiment", experiment + (settings.isEmpty() ? "" : ", " + String.join(", ", settings)));
        for (Planned planned : plan) {
            if (planned.seed() == 1) {
                var chosen = planned.settings().experiment();
                told.put(
                        planned.variant().name(),
                        "boundaries " + chosen.plan().boundaries() + ", cycles " + chosen.cycles() + ", rollout "
                                + chosen.recipe().rollout().name().toLowerCase(Locale.ROOT)
                                + (planned.variant().settings().isEmpty()
                                        ? ""
                                        : " ("
                                                + String.join(
                                                        ", ", planned.variant().settings()) + ")"));
            }
        }
        told.put("seeds", "1 to " + seeds);
        told.put("baseline", counted + ": its lost diversity counts as all there is to recover");
        return told;
    }

    private static void say(PrintWriter print, String line) {
        print.println(line);
        print.flush();
    }
}
