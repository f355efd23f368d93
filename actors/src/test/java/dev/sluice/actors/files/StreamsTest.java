package dev.sluice.actors.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StreamsTest {
    @TempDir
    Path folder;

    @Test
    void aReaderThatStopsStopsTheSenderAfterAFewMegabytes() throws IOException {
        int chunks = (64 << 20) / Streams.CHUNK;
        AtomicLong sent = new AtomicLong();
        ByteString chunk = ByteString.fromArray(TwoNodes.random(1, Streams.CHUNK));
        try (TwoNodes nodes = new TwoNodes(folder)) {
            String offered = Streams.offer(
                    nodes.control.system(),
                    Source.range(1, chunks).map(n -> {
                        sent.addAndGet(Streams.CHUNK);
                        return chunk;
                    }),
                    Duration.ofSeconds(20));
            try (InputStream in = Streams.open(nodes.worker.system(), offered, Duration.ofSeconds(20))) {
                byte[] first = in.readNBytes(Streams.CHUNK);
                AtomicLong before = new AtomicLong(-1);
                await().pollInterval(Duration.ofSeconds(1))
                        .atMost(Duration.ofSeconds(30))
                        .until(() -> before.getAndSet(sent.get()) == sent.get());
                assertThat(sent.get()).as("read ahead").isBetween((long) Streams.CHUNK, 8L << 20);

                ByteArrayOutputStream rest = new ByteArrayOutputStream(64 << 20);
                in.transferTo(rest);
                assertThat((long) first.length + rest.size()).isEqualTo(64L << 20);
            }
            assertThat(sent.get()).isEqualTo(64L << 20);
        }
    }
}
