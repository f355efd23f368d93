package dev.sluice.actors.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.ExperimentStatus;
import dev.sluice.protocol.ExperimentStatus.State;
import dev.sluice.protocol.message.ExperimentsMessage;
import dev.sluice.protocol.message.ExperimentsReply;
import dev.sluice.protocol.message.ExperimentsReply.Reason;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntity;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExperimentsApiTest {
    private static final ContentType HOCON = ContentTypes.parse("application/hocon");

    private static ActorTestKit kit;

    private final TestProbe<ExperimentsMessage> experiments = kit.createTestProbe();

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create();
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    private CompletableFuture<HttpResponse> send(HttpRequest request) {
        return new ExperimentsApi(kit.system(), experiments.getRef())
                .handle(request)
                .toCompletableFuture();
    }

    private static String body(CompletableFuture<HttpResponse> answer) throws Exception {
        HttpResponse response = answer.get(10, TimeUnit.SECONDS);
        assertThat(response.status().intValue()).isEqualTo(200);
        return ((HttpEntity.Strict) response.entity()).getData().utf8String();
    }

    private static int refusal(CompletableFuture<HttpResponse> answer) {
        try {
            answer.get(20, TimeUnit.SECONDS);
        } catch (Exception e) {
            Throwable cause = e.getCause() instanceof CompletionException wrapped ? wrapped.getCause() : e.getCause();
            return ((ApiError) cause).status();
        }
        throw new AssertionError("it was answered");
    }

    private static ExperimentStatus status(State state, String message) {
        return new ExperimentStatus("mine", "/runs/mine-1", state, 3, 2, 4, 17, 100, message);
    }

    @Test
    void aSubmissionIsPassedOnAsItIsAndAnsweredWithTheStatus() throws Exception {
        CompletableFuture<HttpResponse> answer = send(HttpRequest.POST("/v1/experiments")
                .withEntity(HOCON, "experiment { name = mine }".getBytes(StandardCharsets.UTF_8)));
        ExperimentsMessage.Submit submit = experiments.expectMessageClass(ExperimentsMessage.Submit.class);
        assertThat(submit.config()).isEqualTo("experiment { name = mine }");
        submit.replyTo().tell(new ExperimentsReply.Experiments(List.of(status(State.WAITING, ""))));

        assertThat(body(answer))
                .isEqualTo("{\"name\":\"mine\",\"state\":\"waiting\",\"phase\":2,\"phases\":4,\"cycle\":17,"
                        + "\"cycles\":100,\"epoch\":3,\"run\":\"/runs/mine-1\"}");
    }

    @Test
    void theListAndOneOfItAndItsEnd() throws Exception {
        ExperimentsReply all = new ExperimentsReply.Experiments(List.of(status(State.FAILED, "no disk")));
        CompletableFuture<HttpResponse> list = send(HttpRequest.GET("/v1/experiments"));
        experiments
                .expectMessageClass(ExperimentsMessage.GetAll.class)
                .replyTo()
                .tell(all);
        assertThat(body(list)).contains("\"object\":\"list\"", "\"state\":\"failed\"", "\"message\":\"no disk\"");

        CompletableFuture<HttpResponse> one = send(HttpRequest.GET("/v1/experiments/mine"));
        experiments
                .expectMessageClass(ExperimentsMessage.GetAll.class)
                .replyTo()
                .tell(all);
        assertThat(body(one)).contains("\"name\":\"mine\"");

        CompletableFuture<HttpResponse> none = send(HttpRequest.GET("/v1/experiments/other"));
        experiments
                .expectMessageClass(ExperimentsMessage.GetAll.class)
                .replyTo()
                .tell(all);
        assertThat(refusal(none)).isEqualTo(404);

        CompletableFuture<HttpResponse> end = send(HttpRequest.DELETE("/v1/experiments/mine"));
        ExperimentsMessage.Cancel cancel = experiments.expectMessageClass(ExperimentsMessage.Cancel.class);
        assertThat(cancel.name()).isEqualTo("mine");
        cancel.replyTo().tell(all);
        assertThat(body(end)).contains("\"name\":\"mine\"");
    }

    @ParameterizedTest
    @CsvSource({"INVALID, 400", "NAME_TAKEN, 409", "UNKNOWN, 404", "FAILED, 503", "BROKEN, 500"})
    void whatIsRejectedHasItsStatus(Reason reason, int status) {
        CompletableFuture<HttpResponse> answer =
                send(HttpRequest.POST("/v1/experiments").withEntity(HOCON, "a = 1".getBytes(StandardCharsets.UTF_8)));
        experiments
                .expectMessageClass(ExperimentsMessage.Submit.class)
                .replyTo()
                .tell(new ExperimentsReply.Rejected(reason, "because"));

        assertThat(refusal(answer)).isEqualTo(status);
    }

    @Test
    void aKeeperThatDoesNotAnswerIsBeingMoved() {
        CompletableFuture<HttpResponse> answer = send(HttpRequest.GET("/v1/experiments"));

        assertThat(refusal(answer)).isEqualTo(503);
    }

    @ParameterizedTest
    @ValueSource(strings = {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"})
    void whatAFormOfAWebPageCanSendIsNoConfiguration(String type) {
        HttpRequest request = HttpRequest.POST("/v1/experiments")
                .withEntity(ContentTypes.parse(type), "a = 1".getBytes(StandardCharsets.UTF_8));

        assertThatThrownBy(() -> send(request))
                .isInstanceOf(ApiError.class)
                .hasMessageContaining("send a configuration with the header Content-Type: application/hocon");
        experiments.expectNoMessage(Duration.ofMillis(50));
    }

    @Test
    void aRejectionIsOfBoundedLength() throws Exception {
        CompletableFuture<HttpResponse> answer =
                send(HttpRequest.POST("/v1/experiments").withEntity(HOCON, "a = 1".getBytes(StandardCharsets.UTF_8)));
        experiments
                .expectMessageClass(ExperimentsMessage.Submit.class)
                .replyTo()
                .tell(new ExperimentsReply.Rejected(Reason.INVALID, "there is no key\n".repeat(20_000)));

        assertThat(answer)
                .failsWithin(Duration.ofSeconds(20))
                .withThrowableOfType(ExecutionException.class)
                .withMessageContaining("(320000 characters)")
                .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(3000));
    }

    @Test
    void otherMethodsAndPathsAreSaid() {
        assertThatThrownBy(() -> send(HttpRequest.PUT("/v1/experiments")))
                .isInstanceOf(ApiError.class)
                .hasMessageStartingWith("PUT does nothing at /v1/experiments");
    }
}
