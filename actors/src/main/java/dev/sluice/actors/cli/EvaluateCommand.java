package dev.sluice.actors.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice evaluate}: how good finished runs are, how diverse, and at what cost. */
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        description = {
            "Measures finished runs against their teacher's many-step samples, and images against held-out data too:"
                    + " fidelity, diversity and cost, into an HTML report and JSON.",
            "Images: Fréchet distance, precision and recall, class accuracy, and how alike two samples of a class are,"
                    + " in the features of a small classifier. Points: energy and Wasserstein distance, modes."
        })
final class EvaluateCommand implements Callable<Integer> {
    @Option(names = "--run", paramLabel = "DIR", required = true, description = "A finished run.")
    private Path run;

    @Option(
            names = "--against",
            paramLabel = "DIR",
            description = "Another, of the same teacher; the first also counts as 0 where the share of recovered"
                    + " diversity is told. Repeatable.")
    private List<Path> against = new ArrayList<>();

    @Option(
            names = "--out",
            paramLabel = "FILE.html",
            description = "The report; its numbers go beside it as JSON. Default: evaluation.html in the run's folder.")
    private Path out;

    @Mixin
    private Assessment assessment;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        List<FinishedRun> runs = new ArrayList<>(List.of(FinishedRun.open(run)));
        for (Path other : against) {
            runs.add(FinishedRun.open(other));
        }
        List<Assessment.Group> groups = groups(runs);
        PrintWriter print = spec.commandLine().getOut();
        Optional<String> baseline = groups.stream().skip(1).findFirst().map(Assessment.Group::name);
        Path html = out != null ? out : groups.get(0).runs().get(0).root().resolve("evaluation.html");
        Assessment.write(
                assessment.report(
                        "Evaluation of " + runs.get(0).root().getFileName(),
                        groups,
                        baseline,
                        Map.of(),
                        Optional.empty(),
                        print),
                html,
                print);
        return 0;
    }

    /** Each run by itself, named by as much of its path as tells it from the others. */
    private static List<Assessment.Group> groups(List<FinishedRun> runs) {
        List<Path> paths = runs.stream().map(FinishedRun::root).toList();
        if (Set.copyOf(paths).size() < paths.size()) {
            throw new UserError("a run is named twice: " + paths);
        }
        Path shared = paths.get(0).getParent();
        while (!isAbove(shared, paths)) {
            shared = shared.getParent();
        }
        Path root = shared;
        return runs.stream()
                .map(run -> new Assessment.Group(root.relativize(run.root()).toString(), List.of(run)))
                .toList();
    }

    private static boolean isAbove(Path folder, List<Path> paths) {
        return paths.stream().allMatch(path -> path.startsWith(folder) && !path.equals(folder));
    }
}
