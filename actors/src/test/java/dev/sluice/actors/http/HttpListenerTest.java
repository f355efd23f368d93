package dev.sluice.actors.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.config.ConnectionSettings;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HttpListenerTest {
    private static ActorTestKit kit;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create();
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    private static HttpListener listen(String host, HttpListener.Handler handler) {
        return HttpListener.start(
                        kit.system(),
                        host,
                        0,
                        "--port N",
                        ConnectionSettings.USUAL,
                        Optional.empty(),
                        Duration.ofSeconds(1),
                        handler)
                .toCompletableFuture()
                .join();
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, http://127.0.0.1:8080",
        "0.0.0.0, http://127.0.0.1:8080",
        "::, http://[::1]:8080",
        "::1, http://[::1]:8080",
        "fe80::1, http://[fe80:0:0:0:0:0:0:1]:8080",
        "10.1.2.3, http://10.1.2.3:8080"
    })
    void theAddressThatIsSaidCanBeOpened(String address, String url) throws UnknownHostException {
        assertThat(HttpListener.url(new InetSocketAddress(InetAddress.getByName(address), 8080)))
                .isEqualTo(url);
    }

    @Test
    void aHostThatIsNoneIsSaid() {
        assertThatThrownBy(() -> listen("nosuchhost.invalid", (request, caller) -> null))
                .cause()
                .isInstanceOf(ListenException.class)
                .hasMessageStartingWith(
                        "cannot listen on nosuchhost.invalid:0: there is no host called nosuchhost.invalid");
    }

    @Test
    void whateverARouteDoesIsAnAnswer() throws Exception {
        HttpListener server = listen(
                "127.0.0.1", (request, caller) -> switch (request.getUri().path()) {
                    case "/throws" -> throw new IllegalStateException("mine");
                    case "/overflows" -> throw new StackOverflowError();
                    case "/fails" -> CompletableFuture.failedFuture(new NoClassDefFoundError("gone"));
                    default -> CompletableFuture.completedFuture(HttpResponse.create());
                });
        try (RawClient client = new RawClient(server)) {
            for (String path : new String[] {"/throws", "/overflows", "/fails"}) {
                assertThat(client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
                                .answer())
                        .startsWith("HTTP/1.1 500")
                        .contains("internal_error");
            }
            assertThat(client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").answer())
                    .startsWith("HTTP/1.1 200");
        }
    }
}
