package dev.sluice.actors.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Options of every command that trains a run in this process. */
final class RunOptions {
    @Option(
            names = "--port",
            paramLabel = "N",
            description = "HTTP port; 0 takes any free one. Default: serving.port, which is 8080 unless changed.")
    private Integer port;

    @Option(
            names = "--set",
            paramLabel = "key=value",
            description = "Overrides a setting, such as --set serving.max-batch=8. Repeatable.")
    private List<String> settings = new ArrayList<>();

    @Option(names = "--stay", description = "Go on serving when the run is done, until Ctrl-C.")
    private boolean stay;

    /** What was set, {@code key=value} each; later ones win. */
    List<String> overrides() {
        List<String> all = new ArrayList<>(settings);
        if (port != null) {
            all.add("serving.port=" + port);
        }
        return all;
    }

    boolean stay() {
        return stay;
    }
}
