package dev.sluice.actors.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sluice.config.ConnectionSettings;
import dev.sluice.config.NodeSettings;
import dev.sluice.config.PekkoConfig;
import dev.sluice.protocol.Role;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What watches a node asks it these. */
class HealthTest {
    private final ActorTestKit kit = ActorTestKit.create(
            PekkoConfig.forNode(new NodeSettings(EnumSet.allOf(Role.class), "127.0.0.1", 0, List.of())));
    private final HttpClient client = HttpClient.newHttpClient();
    private final HttpListener server = Health.start(kit.system(), "127.0.0.1", 0, ConnectionSettings.USUAL)
            .toCompletableFuture()
            .join();

    @AfterEach
    void shutDown() {
        kit.shutdownTestKit();
    }

    private int status(String method, String path) throws IOException, InterruptedException {
        URI uri = URI.create("http://127.0.0.1:" + server.localAddress().getPort() + path);
        return client.send(
                        HttpRequest.newBuilder(uri)
                                .method(method, HttpRequest.BodyPublishers.noBody())
                                .timeout(Duration.ofSeconds(20))
                                .build(),
                        BodyHandlers.discarding())
                .statusCode();
    }

    @Test
    void liveAtOnceReadyWhenTheClusterCountsOnIt() throws Exception {
        assertThat(status("GET", "/live")).isEqualTo(200);
        assertThat(status("GET", "/ready")).isEqualTo(503);

        Cluster cluster = Cluster.get(kit.system());
        cluster.manager().tell(Join.create(cluster.selfMember().address()));

        await().atMost(Duration.ofSeconds(20)).until(() -> status("GET", "/ready") == 200);
        assertThat(status("POST", "/ready")).isEqualTo(405);
        assertThat(status("GET", "/v1/models")).isEqualTo(404);
    }
}
