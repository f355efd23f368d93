package dev.sluice.actors.cli;

import dev.sluice.actors.node.SluiceProcess;
import dev.sluice.config.DeploymentSettings;
import dev.sluice.config.NodeSettings;
import dev.sluice.config.ServingSettings;
import dev.sluice.config.Settings;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.sampling.MixturePlan;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice serve}: a run's experts over HTTP, without training. */
@Command(
        name = "serve",
        mixinStandardHelpOptions = true,
        footer = SluiceCommand.A_TEACHER_IS_A_PROGRAM,
        description = "Serves a run's finished experts over HTTP until Ctrl-C; the teacher stands in for phases"
                + " without one.")
final class ServeCommand implements Callable<Integer> {
    @Option(names = "--run", paramLabel = "DIR", required = true, description = "A run's folder.")
    private Path run;

    @Option(names = "--port", paramLabel = "N", description = "HTTP port; 0 takes any free one. Default: the run's.")
    private Integer port;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        RunFolder folder = RunFolder.open(run);
        MixturePlan plan = Runs.finished(folder);
        Settings settings = servingOnly(Settings.read(folder.config()));
        DeploymentSettings here = settings.deployment();
        Map<String, Networks> devices = Device.networks(here.engine());
        try (SluiceProcess process = SluiceProcess.start(here, devices)) {
            load(process, plan, settings);
            out.println("sluice: serving " + plan.version() + " (" + plan.nfe() + " evaluations a sample) at "
                    + process.url() + "/v1/images/generations until Ctrl-C");
            out.flush();
            new CountDownLatch(1).await();
        }
        return 0;
    }

    /** The run's settings for a cluster of one; the trainers in it stay idle and cost nothing. */
    private Settings servingOnly(Settings run) {
        // A run's folder keeps no token.
        ServingSettings serving = run.serving().withToken(Optional.ofNullable(System.getenv("SLUICE_TOKEN")));
        return new Settings(
                run.experiment(),
                run.checkpoint(),
                port == null ? serving : serving.withPort(port),
                new NodeSettings(EnumSet.allOf(Role.class), "127.0.0.1", 0, List.of()),
                run.engine(),
                run.cluster(),
                run.supervision());
    }

    /** Has a sampler load the teacher and then every expert, and waits for each. */
    private static void load(SluiceProcess process, MixturePlan plan, Settings settings) throws Exception {
        long seconds = settings.supervision().loadWithin().toSeconds();
        CompletableFuture<Void> loaded = new CompletableFuture<>();
        process.spawn(loader(process, plan, settings, loaded), "loader", Props.empty());
        try {
            loaded.get(seconds, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new UserError("waited " + seconds + " s for the sampler to load " + plan.version());
        } catch (ExecutionException e) {
            throw e.getCause() instanceof UserError mend ? mend : e;
        }
    }

    /** Plays the supervisor of a run that is over: orders a sampler and tells it what to serve. */
    private static Behavior<SupervisorMessage> loader(
            SluiceProcess process, MixturePlan plan, Settings settings, CompletableFuture<Void> loaded) {
        return Behaviors.setup(context -> {
            process.node()
                    .tell(new NodeMessage.Play(
                            1,
                            plan.card().name(),
                            Role.SAMPLER,
                            settings.engine().device(),
                            plan.teacher().sha256(),
                            Optional.empty(),
                            settings.supervision().workWithin().toMillis(),
                            context.getSelf()));
            return Behaviors.receiveMessage(message -> {
                int left = plan.experts().size();
                if (message instanceof SupervisorMessage.RolePlaced placed) {
                    serve(placed.actor().unsafeUpcast(), plan, context.getSelf());
                } else if (message instanceof SupervisorMessage.RoleNotPlaced refused) {
                    loaded.completeExceptionally(new UserError(refused.reason()));
                } else if (message instanceof SupervisorMessage.RoleReady && left == 0
                        || message instanceof SupervisorMessage.SwapDone done && done.phase() == left) {
                    loaded.complete(null);
                } else if (message instanceof SupervisorMessage.SwapRefused refused) {
                    loaded.completeExceptionally(new UserError(
                            "the expert of phase " + refused.phase() + " cannot be served: " + refused.reason()));
                } else if (message instanceof SupervisorMessage.RoleFailed failed) {
                    loaded.completeExceptionally(new UserError("the sampler failed: " + failed.cause()));
                }
                return Behaviors.same();
            });
        });
    }

    private static void serve(
            ActorRef<SamplerMessage> sampler, MixturePlan plan, ActorRef<SupervisorMessage> supervisor) {
        sampler.tell(new SamplerMessage.Serve(
                1,
                plan.card(),
                plan.phases(),
                plan.schedule(),
                plan.teacher(),
                plan.teacherSteps(),
                plan.guidance(),
                supervisor,
                Optional.empty()));
        int phase = 1;
        for (ExpertRef expert : plan.experts()) {
            sampler.tell(new SamplerMessage.SwapExpert(phase++, expert, supervisor));
        }
    }
}
