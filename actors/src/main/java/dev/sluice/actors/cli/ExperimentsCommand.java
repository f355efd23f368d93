package dev.sluice.actors.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.ColorScheme;
import picocli.CommandLine.Help.Column;
import picocli.CommandLine.Help.Column.Overflow;
import picocli.CommandLine.Help.TextTable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice experiments}: what a cluster carries out. */
@Command(
        name = "experiments",
        mixinStandardHelpOptions = true,
        description = "Lists the experiments of a cluster and how far they are.")
final class ExperimentsCommand implements Callable<Integer> {
    @Option(names = "--json", description = "As JSON, for programs.")
    private boolean json;

    @Mixin
    private ControlClient control;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        JsonNode all = control.get("/v1/experiments").get("data");
        if (json) {
            out.println(all.toPrettyString());
        } else if (all.isEmpty()) {
            out.println("sluice: there are no experiments; ./sluice submit begins one");
        } else {
            out.print(table(all));
        }
        return ExitCode.DONE;
    }

    private static String table(JsonNode all) {
        ColorScheme plain = new ColorScheme.Builder(Ansi.OFF).build();
        TextTable table = TextTable.forColumns(
                plain,
                new Column(28, 0, Overflow.TRUNCATE),
                new Column(44, 2, Overflow.WRAP),
                new Column(48, 2, Overflow.SPAN));
        table.addRowValues("EXPERIMENT", "STATE", "RUN");
        all.forEach(status -> table.addRowValues(
                status.get("name").asText(), progress(status), status.get("run").asText()));
        return table.toString();
    }

    /** Such as {@code training, phase 1/2, cycle 17/200, epoch 2}. */
    static String progress(JsonNode status) {
        String state = status.get("state").asText();
        StringBuilder line = new StringBuilder(state);
        if (state.equals("training")) {
            line.append(", phase ").append(status.get("phase")).append('/').append(status.get("phases"));
            line.append(", cycle ").append(status.get("cycle")).append('/').append(status.get("cycles"));
        }
        if (status.get("epoch").asInt() > 1) {
            line.append(", epoch ").append(status.get("epoch"));
        }
        if (status.has("message")) {
            line.append(": ").append(status.get("message").asText());
        }
        return line.toString();
    }
}
