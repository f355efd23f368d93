package dev.sluice.protocol;

/**
 * The generator's batch that will be scored. B is the batch, … one sample's shape.
 *
 * @param xS samples at the phase's boundary s, float32 [B, …]
 * @param x0 the generator's own x_0 prediction behind them, float32 [B, …]: what the normaliser measures against
 * @param xT xS re-noised to t by the kernel of Eq 2, float32 [B, …]
 * @param t float64 [B]
 * @param labels int64 [B]
 */
public record NoisySamples(Tensor xS, Tensor x0, Tensor xT, Tensor t, Tensor labels) {}
