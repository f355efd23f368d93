package dev.sluice.runtime.network;

import dev.sluice.protocol.Tensor;

/**
 * Mean cross-entropy of the logits that stand behind a row's features.
 *
 * @param gradient with respect to the whole output, float32 of its shape: (softmax − one-hot)/B, 0 on the features
 */
record CrossEntropy(double value, Tensor gradient) {
    /** @param out float32 [B, skip + classes] */
    static CrossEntropy of(Tensor out, int skip, Tensor labels) {
        int batch = out.dim(0);
        int width = out.dim(1);
        float[] gradient = new float[out.size()];
        double sum = 0;
        for (int n = 0; n < batch; n++) {
            int from = n * width + skip;
            int end = (n + 1) * width;
            double highest = Double.NEGATIVE_INFINITY;
            for (int i = from; i < end; i++) {
                highest = Math.max(highest, out.floatAt(i));
            }
            double total = 0;
            for (int i = from; i < end; i++) {
                total += Math.exp(out.floatAt(i) - highest);
            }
            int right = from + (int) labels.longAt(n);
            sum += Math.log(total) + highest - out.floatAt(right);
            for (int i = from; i < end; i++) {
                double share = Math.exp(out.floatAt(i) - highest) / total;
                gradient[i] = (float) ((share - (i == right ? 1 : 0)) / batch);
            }
        }
        return new CrossEntropy(sum / batch, Tensor.owning(gradient, out.shape()));
    }
}
