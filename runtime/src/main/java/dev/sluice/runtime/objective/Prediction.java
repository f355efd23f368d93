package dev.sluice.runtime.objective;

import static dev.sluice.runtime.objective.Linear.at;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.schedule.NoiseSchedule;

/**
 * What a network was trained to say of x_t: the velocity, the noise or the data. Each gives the others, for
 * x_t = α x_0 + σ ε and v = ε − x_0 are two equations in x_0 and ε ({@link Velocity}; Salimans and Ho, "Progressive
 * distillation for fast sampling of diffusion models", 2022, appendix D, has the same conversions for its own v). Solved
 * for the velocity, with the network's output known:
 *
 * <ul>
 *   <li>data, x_0 = D: ε = (x_t − α D)/σ, hence v = x_t/σ − (α + σ)/σ·D;
 *   <li>noise, ε = E: x_0 = (x_t − σ E)/α, hence v = (α + σ)/α·E − x_t/α.
 * </ul>
 *
 * <p>Both are v = a(t)·x_t + b(t)·output. Data say nothing at t = 0, where x_t is the data already: refused. Noise says
 * nothing where α = 0, that is at t = 1, where every sampler starts; so a noise network is never asked above the last time T
 * with α_T ≥ {@link #LEAST_SHARE}. Above it the network is asked at T and x_t as it is, its answer read as the data
 * (x_t − σ_T E)/α_T, and those put into the velocity of t itself. That is exact when the data are one point. For others
 * it is as if x_t stood at T: on N(m, c²) the data come out wrong by at most α_T·c²·|x_t| (to first order).
 */
public enum Prediction {
    VELOCITY,
    NOISE,
    DATA;

    /**
     * The least share of data at which noise still tells them. An error δ of the noise is one of δ/α of the data, and
     * asking at α instead of 0 costs α·c²·|x| on data of deviation c. Networks answer in bfloat16 to 2⁻⁹·|x|: at c = 1
     * the two costs are alike at α = 2^−4.5 = 0.044. The terminal α of Stable Diffusion's schedule is 0.068, for the
     * same reason.
     */
    public static final double LEAST_SHARE = 0.05;

    /** v = ofSample·x_t + ofOutput·output. */
    private record Affine(double ofSample, double ofOutput) {}

    /** The time at which the network is asked about a sample at {@code t}. */
    public double askedAt(NoiseSchedule schedule, double t) {
        return this == NOISE ? Math.min(t, schedule.timeOf(LEAST_SHARE)) : t;
    }

    /** {@link #askedAt(NoiseSchedule, double)} for a batch, float64 [B]. */
    public Tensor askedAt(NoiseSchedule schedule, Tensor t) {
        return this == NOISE ? Tensor.of(at(t, u -> askedAt(schedule, u)), t.size()) : t;
    }

    private Affine affine(NoiseSchedule schedule, double t) {
        double alpha = schedule.alpha(t);
        double sigma = schedule.sigma(t);
        return switch (this) {
            case VELOCITY -> new Affine(0, 1);
            case DATA -> {
                if (!(sigma > 0)) {
                    throw new IllegalArgumentException("a network that predicts the data knows no velocity at t = " + t
                            + ", where the sample is the data: ask it above 0");
                }
                yield new Affine(1 / sigma, -(alpha + sigma) / sigma);
            }
            case NOISE -> {
                double asked = askedAt(schedule, t);
                if (asked == t) {
                    yield new Affine(-1 / alpha, (alpha + sigma) / alpha);
                }
                double ofData = -(alpha + sigma) / sigma;
                double alphaThere = schedule.alpha(asked);
                yield new Affine(1 / sigma + ofData / alphaThere, -ofData * schedule.sigma(asked) / alphaThere);
            }
        };
    }

    /**
     * The velocity behind an output.
     *
     * @param xT float32 [B, …]
     * @param t float64 [B], of the samples
     * @param output at {@link #askedAt} of those times, float32 [B, …]
     * @throws IllegalArgumentException for the data's prediction at t = 0
     */
    public Tensor velocity(NoiseSchedule schedule, Tensor xT, Tensor t, Tensor output) {
        return this == VELOCITY
                ? output
                : Linear.combine(
                        at(t, u -> affine(schedule, u).ofSample()),
                        xT,
                        at(t, u -> affine(schedule, u).ofOutput()),
                        output);
    }

    /** The gradient on the output of a loss whose gradient on {@link #velocity} is given: b·g. */
    public Tensor onOutput(NoiseSchedule schedule, Tensor t, Tensor gradient) {
        return this == VELOCITY
                ? gradient
                : Linear.combine(at(t, u -> affine(schedule, u).ofOutput()), gradient, at(t, u -> 0), gradient);
    }

    /** The gradient on x_t of that loss: a·g, and what came back through the network. */
    public Tensor onSample(NoiseSchedule schedule, Tensor t, Tensor gradient, Tensor throughNetwork) {
        return this == VELOCITY
                ? throughNetwork
                : Linear.combine(at(t, u -> affine(schedule, u).ofSample()), gradient, at(t, u -> 1), throughNetwork);
    }

    /** The weight 1/b² that makes the squared error of the velocity that of the output; at most 1. */
    public double weight(NoiseSchedule schedule, double t) {
        return Math.pow(affine(schedule, t).ofOutput(), -2);
    }
}
