package dev.sluice.actors.sampler;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.network.Network;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.network.Networks;
import dev.sluice.runtime.network.TrainableNetwork;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Networks without libtorch: they can be held at the gate before an evaluation, broken, and counted. */
final class FakeNetworks implements Networks {
    @FunctionalInterface
    interface Field {
        float velocity(float x, double t, long label);
    }

    private record Entry(NetworkCard card, Field field) {}

    private final Map<String, Entry> files = new ConcurrentHashMap<>();
    private final Semaphore gate = new Semaphore(0);
    private volatile boolean gated;
    /** Evaluations begun, those held at the gate included. */
    final AtomicInteger evaluations = new AtomicInteger();

    final AtomicInteger opened = new AtomicInteger();
    final AtomicInteger closed = new AtomicInteger();
    final AtomicInteger closedTwice = new AtomicInteger();

    ExpertRef file(String version, NetworkCard card, Field field) {
        ExpertRef ref = new ExpertRef(version, "sha-" + version + "-" + files.size(), 1, "/store/" + version + ".pt");
        files.put(ref.sha256(), new Entry(card, field));
        return ref;
    }

    /** From now on every evaluation waits for a {@link #permit}. */
    void closeGate() {
        gated = true;
    }

    void permit(int evaluations) {
        gate.release(evaluations);
    }

    void openGate() {
        gated = false;
        gate.release(1_000_000);
    }

    int open() {
        return opened.get() - closed.get();
    }

    void delete(ExpertRef ref) {
        files.remove(ref.sha256());
    }

    @Override
    public Network open(ExpertRef ref) {
        Entry entry = files.get(ref.sha256());
        if (entry == null) {
            throw new NetworkFileException(Path.of(ref.path()), "not the file that " + ref.version() + " names");
        }
        opened.incrementAndGet();
        return new Network() {
            private boolean isClosed;

            @Override
            public NetworkCard card() {
                return entry.card();
            }

            @Override
            public Tensor velocity(Tensor x, Tensor t, Tensor labels) {
                if (isClosed) {
                    throw new IllegalStateException(ref.version() + " was used after it was closed");
                }
                evaluations.incrementAndGet();
                passGate();
                float[] v = new float[x.size()];
                for (int i = 0; i < v.length; i++) {
                    int row = i / x.sampleSize();
                    v[i] = entry.field().velocity(x.floatAt(i), t.doubleAt(row), labels.longAt(row));
                }
                return Tensor.owning(v, x.shape());
            }

            @Override
            public void close() {
                (isClosed ? closedTwice : closed).incrementAndGet();
                isClosed = true;
            }
        };
    }

    private void passGate() {
        try {
            if (gated && !gate.tryAcquire(20, TimeUnit.SECONDS)) {
                throw new IllegalStateException("nobody opened the gate");
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException("interrupted at the gate", e);
        }
    }

    @Override
    public TrainableNetwork openForTraining(ExpertRef ref, AdamWSettings optimizer, double averageDecay) {
        throw new UnsupportedOperationException("nothing trains here");
    }
}
