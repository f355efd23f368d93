package dev.sluice.actors.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sluice.config.Settings;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code ./sluice submit}: has a cluster carry out an experiment. */
@Command(
        name = "submit",
        mixinStandardHelpOptions = true,
        footer = SluiceCommand.A_TEACHER_IS_A_PROGRAM,
        description = "Has a cluster carry out an experiment; ./sluice experiments shows how far it is.")
final class SubmitCommand implements Callable<Integer> {
    private static final long LOOK_EVERY_MILLIS = 1000;

    @Parameters(
            paramLabel = "NAME|FILE.conf",
            description =
                    "A bundled experiment (fashion, mixture-2d, quick) or a file. The teacher that it names must be"
                            + " where the cluster's control node finds it, not here; one below this installation's"
                            + " folder is looked for below the cluster's.")
    private String experiment;

    @Option(
            names = "--set",
            paramLabel = "key=value",
            description = "Overrides a setting of the experiment, such as --set experiment.name=mine. Repeatable.")
    private List<String> settings = new ArrayList<>();

    @Option(
            names = "--follow",
            description = "Wait until it is over; exit code 0 when it has finished, 1 when it has not.")
    private boolean follow;

    @Mixin
    private ControlClient control;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        JsonNode status = control.post("/v1/experiments", Settings.submission(experiment, settings, Home.folder()));
        String name = status.get("name").asText();
        out.println("sluice: " + name + " is under way, its run is in "
                + status.get("run").asText());
        out.flush();
        return follow ? follow(name, out) : ExitCode.DONE;
    }

    private int follow(String name, PrintWriter out) throws Exception {
        String last = "";
        while (true) {
            JsonNode status = control.get("/v1/experiments/" + name);
            String line = ExperimentsCommand.progress(status);
            if (!line.equals(last)) {
                out.println("sluice: " + name + " " + line);
                out.flush();
                last = line;
            }
            switch (status.get("state").asText()) {
                case "finished" -> {
                    return ExitCode.DONE;
                }
                case "failed", "cancelled" -> {
                    return ExitCode.FAILED;
                }
                default -> Thread.sleep(LOOK_EVERY_MILLIS);
            }
        }
    }
}
