package dev.sluice.actors.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code ./sluice cancel}: ends an experiment of a cluster. */
@Command(
        name = "cancel",
        mixinStandardHelpOptions = true,
        description = "Ends an experiment of a cluster, and what serves it. What it has made stays in its folder:"
                + " ./sluice resume goes on with it outside of the cluster, ./sluice serve serves it.")
final class CancelCommand implements Callable<Integer> {
    @Parameters(paramLabel = "NAME", description = "Of the experiment, as ./sluice experiments shows it.")
    private String name;

    @Mixin
    private ControlClient control;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        JsonNode status = control.delete("/v1/experiments/" + name);
        spec.commandLine()
                .getOut()
                .println("sluice: " + name + " is " + status.get("state").asText() + ", its run is in "
                        + status.get("run").asText());
        return ExitCode.DONE;
    }
}
