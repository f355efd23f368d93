package dev.sluice.runtime.sampling;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe;
import dev.sluice.runtime.network.Guidance;
import dev.sluice.runtime.network.NetworkCard;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Who walks which part of the schedule at one moment: finished experts their own phases, the teacher everything that is
 * left. A value without networks, so that an actor on any thread can hold one and say what is served.
 *
 * @param card of what is made
 * @param phases the experts' timesteps
 * @param teacherSteps solver steps that the teacher would take over the whole schedule
 * @param guidance of the teacher; experts run without
 * @param experts finished ones, of phases 1, 2, … in order
 */
public record MixturePlan(
        ModelCard card,
        PhasePlan phases,
        Recipe.Schedule schedule,
        ExpertRef teacher,
        int teacherSteps,
        double guidance,
        List<ExpertRef> experts) {
    /**
     * A stretch of the schedule that one network walks.
     *
     * @param phase that the network is the expert of; 0 for the teacher
     * @param timesteps from the part's start to its end, both included
     */
    public record Part(ExpertRef network, int phase, List<Double> timesteps, double guidance) {
        public Part {
            timesteps = List.copyOf(timesteps);
        }

        /** Solver steps. */
        public int steps() {
            return timesteps.size() - 1;
        }

        /** Network evaluations behind one sample; a guided step counts two. */
        public int evaluations() {
            return steps() * Guidance.evaluations(guidance);
        }
    }

    public MixturePlan {
        experts = List.copyOf(experts);
        if (teacherSteps < 1) {
            throw new IllegalArgumentException("teacher-steps = " + teacherSteps + " must be at least 1");
        }
        if (!(guidance >= 0 && guidance < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("guidance = " + guidance + " must be 0 or more; 1 is no guidance");
        }
        if (experts.size() > phases.phaseCount()) {
            throw new IllegalArgumentException(
                    experts.size() + " experts are too many for a plan of " + phases.phaseCount() + " phases");
        }
    }

    /**
     * This plan with {@code expert} in charge of phase {@code phase}, the next one or one that has an expert already.
     *
     * @throws IllegalArgumentException when there is no such phase, or an earlier one has no expert yet: an expert knows
     *     only samples that the experts before it made
     */
    public MixturePlan with(int phase, ExpertRef expert) {
        phases.phase(phase);
        if (phase > experts.size() + 1) {
            throw new IllegalArgumentException("phase " + phase + " cannot be swapped in before phase "
                    + (experts.size() + 1) + ", which has no expert yet");
        }
        List<ExpertRef> next = new ArrayList<>(experts);
        if (phase > next.size()) {
            next.add(expert);
        } else {
            next.set(phase - 1, expert);
        }
        return withExperts(next);
    }

    /** This plan before any expert was finished: equal for everything that serves one model from one teacher. */
    public MixturePlan teacherAlone() {
        return withExperts(List.of());
    }

    private MixturePlan withExperts(List<ExpertRef> next) {
        return new MixturePlan(card, phases, schedule, teacher, teacherSteps, guidance, next);
    }

    /**
     * The parts, noisiest first. The teacher's is one, from the last finished boundary (or 1) down to 0, in
     * max(1, round({@code teacherSteps} · its length)) steps evenly spaced in t. It is guided unless there are no
     * classes, which leave nothing to be guided by.
     */
    public List<Part> parts() {
        List<Part> parts = new ArrayList<>();
        double start = 1;
        for (int k = 1; k <= experts.size(); k++) {
            PhasePlan.Phase phase = phases.phase(k);
            parts.add(new Part(experts.get(k - 1), k, phase.timesteps(), 1));
            start = phase.boundary();
        }
        if (start > 0) {
            parts.add(new Part(teacher, 0, downFrom(start), card.classNames().isEmpty() ? 1 : guidance));
        }
        return parts;
    }

    private List<Double> downFrom(double start) {
        int steps = (int) Math.max(1, Math.round(teacherSteps * start));
        List<Double> times = new ArrayList<>();
        for (int i = 0; i <= steps; i++) {
            // Written so that the ends are exact.
            times.add(i == 0 ? start : start * (steps - i) / steps);
        }
        return times;
    }

    /** Network evaluations behind one sample; a guided step counts two. */
    public int nfe() {
        return parts().stream().mapToInt(Part::evaluations).sum();
    }

    /** The networks in charge, noisiest part first. */
    public List<ExpertRef> networks() {
        return parts().stream().map(Part::network).toList();
    }

    /**
     * The model, its run and who is in charge, noisiest first, such as {@code fashion:3f9a2c41d07b@phase-1+teacher}. Of one
     * run and one state of it only.
     */
    public String version() {
        return card.qualifiedName() + "@"
                + networks().stream().map(ExpertRef::version).collect(Collectors.joining("+"));
    }

    /**
     * Checks that a network's file says it is what {@code part} needs: other timesteps than it was trained on are the
     * commonest way to make a distilled model look bad.
     *
     * @throws IllegalArgumentException naming what differs
     */
    public void check(Part part, NetworkCard found) {
        require(part, "makes samples of shape", card.sampleShape(), found.sampleShape());
        require(part, "has the classes", card.classNames(), found.classNames());
        require(part, "was trained on the schedule", schedule, found.schedule());
        require(part, "says that it is", role(part.phase()), role(found.phase()));
        if (part.phase() > 0) {
            require(part, "was trained on the timesteps", part.timesteps(), found.timesteps());
        }
    }

    private static String role(int phase) {
        return phase == 0 ? "a teacher" : "the expert of phase " + phase;
    }

    private static void require(Part part, String what, Object expected, Object found) {
        if (!expected.equals(found)) {
            throw new IllegalArgumentException(part.network().version() + " ("
                    + part.network().path() + ") " + what + " " + found + ", but the model needs " + expected);
        }
    }
}
