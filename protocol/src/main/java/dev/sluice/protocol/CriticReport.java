package dev.sluice.protocol;

/**
 * What the critic measured in one cycle.
 *
 * @param losses of its K updates in order, weighted as trained; mostly irreducible noise for large s
 * @param excess its loss minus the teacher's own on the batch that was scored: the noise cancels, so this one says
 *     how far the fake score has moved from the teacher
 * @param skipped updates left out because loss or gradient was not finite
 */
public record CriticReport(java.util.List<Double> losses, double excess, int skipped) {
    public CriticReport {
        losses = java.util.List.copyOf(losses);
    }

    /** Mean of {@link #losses}. */
    public double meanLoss() {
        return losses.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
    }
}
