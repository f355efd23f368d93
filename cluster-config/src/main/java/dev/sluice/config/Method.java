package dev.sluice.config;

import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe.Rollout;

/**
 * The four methods of the paper's Fig 1, as a name for two choices: whether the schedule is cut into phases, and which of
 * a phase's steps carry the gradient. Key {@code experiment.method}.
 */
public enum Method {
    /** Whatever boundaries and rollout say. */
    AS_CONFIGURED,
    /** Few-step distribution matching distillation: one network, the gradient through every step. */
    DMD,
    /** One network, the gradient through one step chosen at random (Self-Forcing's truncation). */
    DMD_SGTS,
    /** An expert a step: the phases are cut at every timestep, each step with its share of its phase's budget. */
    PHASED_DMD,
    /** An expert a phase, the gradient through one of its steps chosen at random. */
    PHASED_DMD_SGTS;

    boolean isOnePhase() {
        return this == DMD || this == DMD_SGTS;
    }

    boolean isOneStepAPhase() {
        return this == PHASED_DMD;
    }

    /** Which rollout it takes. */
    Rollout rollout() {
        return switch (this) {
            case DMD_SGTS, PHASED_DMD_SGTS -> Rollout.SGTS;
            case PHASED_DMD -> Rollout.ONE_STEP;
            case DMD, AS_CONFIGURED -> Rollout.FULL;
        };
    }

    /** Whether a plan and a rollout are this method's. */
    boolean fits(PhasePlan plan, Rollout rollout) {
        return this == AS_CONFIGURED
                || (rollout == rollout()
                        && (!isOnePhase() || plan.phaseCount() == 1)
                        && (!isOneStepAPhase()
                                || plan.phaseCount() == plan.timesteps().size() - 1));
    }
}
