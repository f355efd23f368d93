package dev.sluice.runtime.network;

/**
 * What came out when a network file was tried ({@link NetworkTrial}). A problem is a sentence about the network that names
 * what to mend, and empty where there is none.
 *
 * @param evaluation why nothing can be done with it
 * @param withoutClass why it cannot be asked without a class
 * @param training why nothing can be trained from it
 * @param parameterBytes of all parameters together
 * @param evaluationBytes that evaluating one sample more takes while it lasts
 * @param trainingBytes that one sample more takes in a forward and a backward pass
 */
public record TrialReport(
        String evaluation,
        String withoutClass,
        String training,
        long parameterBytes,
        long evaluationBytes,
        long trainingBytes) {
    /** Of a network that nothing is known of yet. */
    public static final TrialReport NOTHING_YET = new TrialReport("", "", "", 0, 0, 0);

    /** The part of a trial that is under way; what ends the process is its problem. */
    public enum Part {
        /** Before the network has any part in it. */
        ENGINE,
        EVALUATION,
        WITHOUT_CLASS,
        TRAINING
    }

    /** With a problem in one part. */
    public TrialReport with(Part part, String problem) {
        return new TrialReport(
                part == Part.EVALUATION ? problem : evaluation,
                part == Part.WITHOUT_CLASS ? problem : withoutClass,
                part == Part.TRAINING ? problem : training,
                parameterBytes,
                evaluationBytes,
                trainingBytes);
    }

    /** Of two networks that make one teacher: what is wrong with either, and the larger of what they need. */
    public TrialReport and(TrialReport other) {
        return new TrialReport(
                evaluation.isEmpty() ? other.evaluation : evaluation,
                withoutClass.isEmpty() ? other.withoutClass : withoutClass,
                training.isEmpty() ? other.training : training,
                Math.max(parameterBytes, other.parameterBytes),
                Math.max(evaluationBytes, other.evaluationBytes),
                Math.max(trainingBytes, other.trainingBytes));
    }
}
