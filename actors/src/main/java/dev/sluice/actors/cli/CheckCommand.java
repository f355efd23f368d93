package dev.sluice.actors.cli;

import dev.sluice.config.Settings;
import dev.sluice.monitoring.check.RunCheck;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.runtime.store.Sha256;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice check}: whether a run's records hold together. */
@Command(
        name = "check",
        mixinStandardHelpOptions = true,
        description = {
            "Reads a run's records and says which guarantees they break: one owner of generator and critic in each"
                    + " epoch, every cycle committed once and in order, every published expert the file in this folder, every"
                    + " recorded request served by experts that were published and in force, and all accounted for;"
                    + " nothing committed that the log does not explain, and no damaged line.",
            "Each is reported by its name in docs/guarantees.md, such as one-owner.",
            "Exit code 0 when none is broken, 1 otherwise."
        })
final class CheckCommand implements Callable<Integer> {
    @Option(names = "--run", paramLabel = "DIR", required = true, description = "Folder of the run.")
    private Path run;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        RunFolder folder = RunFolder.open(run);
        if (!Files.exists(folder.events())) {
            throw new UserError(folder.root() + " has no events.jsonl: the run never began");
        }
        List<Integer> cycles = Settings.read(folder.config()).experiment().cycles();
        RunCheck check = RunCheck.of(folder, cycles, Sha256::of);
        PrintWriter out = spec.commandLine().getOut();
        check.facts().forEach(fact -> out.println("  " + fact));
        check.violations().forEach(violation -> out.println("  broken " + violation));
        out.println(
                check.violations().isEmpty()
                        ? "sluice: the records hold together"
                        : "sluice: the records do not hold together; docs/guarantees.md explains each name");
        return check.violations().isEmpty() ? 0 : 1;
    }
}
