package dev.sluice.actors.fake;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.config.PekkoConfig;
import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.Networks;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.pekko.actor.typed.DispatcherSelector;

/** A distillation of two phases, small enough to be worked out by hand. */
public final class SmallRun {
    /** K of the recipe. */
    public static final int CRITIC_UPDATES = 2;

    public static final int BATCH = 3;

    public static final PhasePlan PLAN = new PhasePlan(List.of(1.0, 0.5, 0.0), List.of(0.5, 0.0));

    public static final Recipe RECIPE = recipe(0);

    /** Of the teacher: two classes of points in the plane. */
    public static final NetworkCard CARD = new NetworkCard(
            List.of(2), List.of("left", "right"), Recipe.Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of());

    /** The dispatcher that the roles compute on, as it is shipped. */
    public static final DispatcherSelector PINNED = DispatcherSelector.fromConfig(PekkoConfig.PINNED_DISPATCHER);

    /** Longer than any piece of work in a test takes. */
    public static final Duration WORK_WITHIN = Duration.ofSeconds(60);

    private SmallRun() {}

    /** On a node that is alone. */
    public static Workplace place(Networks networks, Duration workWithin) {
        return place(networks, workWithin, Courier.inThisJvm());
    }

    public static Workplace place(Networks networks, Duration workWithin, Courier courier) {
        return new Workplace(networks, PINNED, workWithin, courier);
    }

    /** An actor system's configuration that has {@link #PINNED} and no cluster. */
    public static Config config() {
        return ConfigFactory.parseResources("pekko-node.conf")
                .getConfig(PekkoConfig.PINNED_DISPATCHER)
                .atPath(PekkoConfig.PINNED_DISPATCHER);
    }

    public static Recipe recipe(int staleness) {
        AdamWSettings optimizer = AdamWSettings.ofPaper(0.01);
        return new Recipe(
                7,
                BATCH,
                CRITIC_UPDATES,
                2,
                Recipe.Schedule.RECTIFIED_FLOW,
                Recipe.Rollout.ONE_STEP,
                Recipe.Normaliser.KL,
                Recipe.CriticWeighting.UNIT_VARIANCE,
                0.05,
                1,
                optimizer,
                optimizer,
                0.5,
                staleness,
                Recipe.Ablation.NONE);
    }
}
