package dev.sluice.runtime.sampling;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.TrainableNetwork;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Networks in closed form, which remember what they were asked. */
final class FakeNetworks implements Networks {
    /** What a fake does to one value of one row. */
    @FunctionalInterface
    interface Field {
        float velocity(float x, double t, long label);
    }

    /** One call: how many rows, and the first row's time and label. */
    record Call(String network, int rows, double t, List<Long> labels) {}

    private record Entry(NetworkCard card, Field field) {}

    private final Map<ExpertRef, Entry> files = new HashMap<>();
    final List<Call> calls = new ArrayList<>();
    final List<String> closed = new ArrayList<>();

    ExpertRef file(String version, NetworkCard card, Field field) {
        ExpertRef ref = new ExpertRef(version, "sha-of-" + version, 1, "/store/" + version + ".pt");
        files.put(ref, new Entry(card, field));
        return ref;
    }

    @Override
    public Network open(ExpertRef ref) {
        Entry entry = files.get(ref);
        if (entry == null) {
            throw new NetworkFileException(Path.of(ref.path()), "there is no such network file");
        }
        return new Network() {
            @Override
            public NetworkCard card() {
                return entry.card();
            }

            @Override
            public Tensor velocity(Tensor x, Tensor t, Tensor labels) {
                List<Long> asked = new ArrayList<>();
                float[] v = new float[x.size()];
                for (int row = 0; row < x.dim(0); row++) {
                    asked.add(labels.longAt(row));
                    for (int i = row * x.sampleSize(); i < (row + 1) * x.sampleSize(); i++) {
                        v[i] = entry.field().velocity(x.floatAt(i), t.doubleAt(row), labels.longAt(row));
                    }
                }
                calls.add(new Call(ref.version(), x.dim(0), t.doubleAt(0), asked));
                return Tensor.owning(v, x.shape());
            }

            @Override
            public void close() {
                closed.add(ref.version());
            }
        };
    }

    @Override
    public TrainableNetwork openForTraining(ExpertRef ref, AdamWSettings optimizer, double averageDecay) {
        throw new UnsupportedOperationException("nothing trains here");
    }
}
