package dev.sluice.actors.cli;

import com.typesafe.config.ConfigUtil;
import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.protocol.Role;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice node}: one process of a cluster, which plays roles for whatever experiments run there. */
@Command(
        name = "node",
        mixinStandardHelpOptions = true,
        description = {
            "Joins a cluster and plays roles for its experiments until Ctrl-C; then hands over what it trains and leaves.",
            "Ends with exit code " + ExitCode.START_AGAIN + " when the cluster has removed it: start it again."
        })
final class NodeCommand implements Callable<Integer> {
    @Option(
            names = "--config",
            paramLabel = "NAME|FILE.conf",
            defaultValue = "one-process",
            description = "A bundled deployment (one-process, local-processes, several-machines) or a file. Default:"
                    + " ${DEFAULT-VALUE}.")
    private String config;

    @Option(
            names = "--roles",
            paramLabel = "ROLE",
            split = ",",
            description = "What it offers: generator, critic, teacher, sampler, control; several with commas. Default:"
                    + " node.roles.")
    private List<Role> roles = new ArrayList<>();

    @Option(
            names = "--seed",
            paramLabel = "HOST:PORT",
            split = ",",
            description =
                    "A node to join by; name several, so that any may be gone. Repeatable. Its own may be among them.")
    private List<String> seeds = new ArrayList<>();

    @Option(
            names = "--host",
            description = "By which the other nodes reach it. Default: node.host, which is 127.0.0.1.")
    private String host;

    @Option(
            names = "--node-port",
            paramLabel = "N",
            description = "For the other nodes; 0 takes any. Default: node.port.")
    private Integer port;

    @Option(
            names = "--runs",
            paramLabel = "DIR",
            description = "On control nodes: folder of all runs, the same for all of them. Default: node.runs, which is"
                    + " runs.")
    private Path runs;

    @Option(
            names = "--port",
            paramLabel = "N",
            description = "On control nodes: HTTP port; 0 takes any free one. Default: serving.port, which is 8080.")
    private Integer httpPort;

    @Option(
            names = "--set",
            paramLabel = "key=value",
            description = "Overrides a setting, such as --set engine.threads=4. Repeatable.")
    private List<String> settings = new ArrayList<>();

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        DeploymentSettings here = DeploymentSettings.load(config, overrides(), Home.folder());
        try (SluiceProcess process = SluiceProcess.startNode(here, Device.networks(here), Home.folder())) {
            out.println("sluice: node " + process.address() + " offers "
                    + here.node().roles().stream().map(Role::key).collect(Collectors.joining(", ")));
            if (here.node().roles().contains(Role.CONTROL)) {
                out.println("sluice: experiments are submitted to " + process.url() + ", their runs are in "
                        + here.node().runs());
            }
            out.flush();
            process.system().getWhenTerminated().toCompletableFuture().join();
        }
        Signals.leaveToTheSignal();
        throw new RemovedFromCluster();
    }

    private List<String> overrides() {
        List<String> all = new ArrayList<>(settings);
        if (!roles.isEmpty()) {
            all.add("node.roles=[" + roles.stream().map(Role::key).collect(Collectors.joining(", ")) + "]");
        }
        if (!seeds.isEmpty()) {
            all.add("node.seeds=["
                    + seeds.stream().map(seed -> '"' + seed + '"').collect(Collectors.joining(", ")) + "]");
        }
        if (host != null) {
            all.add("node.host=" + host);
        }
        if (port != null) {
            all.add("node.port=" + port);
        }
        if (runs != null) {
            all.add("node.runs=" + ConfigUtil.quoteString(runs.toString()));
        }
        if (httpPort != null) {
            all.add("serving.port=" + httpPort);
        }
        return all;
    }
}
