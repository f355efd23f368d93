package dev.sluice.actors.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.discovery.Discovery;
import dev.sluice.config.ServingSettings;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.GenerationReply.Reason;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerStatus;
import dev.sluice.runtime.image.SampleSheet;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A real server on a free port, a real client, and a sampler that says what the test wants. */
class ApiServerTest {
    private static final String GENERATIONS = "/v1/images/generations";
    private static final int MOST_BYTES = 2000;

    private static ActorTestKit kit;
    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private final FakeSampler sampler = new FakeSampler();
    private final List<ActorRef<SamplerMessage>> offered = new ArrayList<>();
    private ActorRef<SamplerMessage> ref;
    private HttpListener server;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create();
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void bind() {
        ref = offer(sampler);
        server = listen(0, Duration.ofSeconds(20), Optional.empty());
        awaitReady();
    }

    @AfterEach
    void unbind() {
        server.unbind().toCompletableFuture().join();
        offered.forEach(kit::stop);
    }

    /** Registers a sampler with the receptionist, as nodes do. */
    private ActorRef<SamplerMessage> offer(FakeSampler fake) {
        ActorRef<SamplerMessage> actor = kit.spawn(fake.behavior());
        kit.system().receptionist().tell(Receptionist.register(Discovery.SAMPLER, actor));
        offered.add(actor);
        return actor;
    }

    private void awaitReady() {
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .until(() -> get("/ready").statusCode() == 200);
    }

    /** Has the sampler say something else, and waits until the server has heard it. */
    private void says(SamplerStatus status) {
        sampler.status = status;
        Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> {
            JsonNode models = json(get("/v1/models")).get("data");
            return status.card().isEmpty()
                    ? models.isEmpty()
                    : models.size() == 1
                            && models.get(0).get("model_version").asText().equals(status.modelVersion())
                            && models.get(0).get("ready").asBoolean() == status.ready();
        });
    }

    private HttpListener listen(int port, Duration deadline, Optional<String> token) {
        ServingSettings settings = new ServingSettings(
                        "127.0.0.1", port, 4, 4, Duration.ZERO, List.of(1, 4), deadline, MOST_BYTES)
                .withToken(token);
        return ApiServer.start(kit.system(), settings, Courier.inThisJvm(), Optional.empty())
                .toCompletableFuture()
                .join();
    }

    private HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(
                URI.create("http://127.0.0.1:" + server.localAddress().getPort() + path));
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) {
        try {
            return CLIENT.send(request.timeout(Duration.ofSeconds(30)).build(), BodyHandlers.ofString());
        } catch (IOException | InterruptedException e) {
            throw new AssertionError("no answer", e);
        }
    }

    private HttpResponse<String> get(String path) {
        return send(to(path).GET());
    }

    private HttpResponse<String> generate(String body) {
        return send(to(GENERATIONS).header("Content-Type", "application/json").POST(BodyPublishers.ofString(body)));
    }

    private static JsonNode json(HttpResponse<String> response) {
        assertThat(response.headers().firstValue("Content-Type")).contains("application/json");
        try {
            return new ObjectMapper().readTree(response.body());
        } catch (IOException e) {
            throw new AssertionError(response.body(), e);
        }
    }

    /** Checks the status and the shape that every error has; returns what is in it. */
    private static JsonNode error(HttpResponse<String> response, int status) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        JsonNode body = json(response);
        assertThat(body.fieldNames()).toIterable().containsExactly("error");
        JsonNode error = body.get("error");
        assertThat(error.fieldNames()).toIterable().containsExactly("message", "type", "param", "code");
        assertThat(error.get("message").asText()).isNotBlank().doesNotContain("\tat ", "Exception");
        return error;
    }

    private static String message(HttpResponse<String> response, int status) {
        return error(response, status).get("message").asText();
    }

    @Test
    void anImageComesWithEverythingThatMadeIt() throws Exception {
        HttpResponse<String> response =
                generate("{\"prompt\": \"t-SHIRT/top\", \"n\": 2, \"seed\": 3, \"model\": \"fashion\","
                        + " \"size\": \"3x2\", \"response_format\": \"b64_json\", \"output_format\": \"png\","
                        + " \"user\": \"me\", \"quality\": \"hd\", \"style\": null}");

        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        JsonNode body = json(response);
        assertThat(body.fieldNames())
                .toIterable()
                .containsExactly(
                        "created", "data", "model_version", "experts", "nfe", "batch_size", "queue_ms", "compute_ms");
        assertThat(body.get("created").asLong()).isGreaterThan(1_700_000_000L);
        assertThat(body.get("model_version").asText()).isEqualTo("fashion@phase-1+teacher");
        assertThat(body.get("experts").toString())
                .isEqualTo("[{\"version\":\"phase-1\",\"sha256\":\"aa\"},{\"version\":\"teacher\",\"sha256\":\"bb\"}]");
        assertThat(List.of(
                        body.get("nfe").asInt(),
                        body.get("batch_size").asInt(),
                        body.get("queue_ms").asInt(),
                        body.get("compute_ms").asInt()))
                .containsExactly(78, 5, 12, 34);
        SamplerMessage.Generate asked = sampler.generated();
        assertThat(asked.seeds()).containsExactly(3L, 4L);
        assertThat(asked.label()).isEqualTo(1);
        assertThat(asked.deadlineMillis()).isEqualTo(20_000);
        assertThat(body.get("data")).hasSize(2);
        for (int i = 0; i < 2; i++) {
            JsonNode image = body.get("data").get(i);
            assertThat(image.get("seed").asLong()).isEqualTo(3 + i);
            float level = (3 + i) / 4f;
            Tensor sample = Tensor.of(new float[] {level, level, level, level, level, level}, 1, 2, 3);
            assertThat(image.get("b64_json").binaryValue()).isEqualTo(SampleSheet.png(sample));
        }
    }

    @Test
    void anEmptyObjectIsOneUnconditionalImageOfARandomSeed() throws Exception {
        HttpResponse<String> response = generate("{}");

        SamplerMessage.Generate asked = sampler.generated();
        assertThat(asked.label()).isEqualTo(-1);
        assertThat(asked.seeds()).hasSize(1);
        assertThat(asked.seeds().get(0)).isBetween(0L, 1L << 53);
        assertThat(json(response).get("data").get(0).get("seed").asLong())
                .isEqualTo(asked.seeds().get(0));
        generate("{}");
        assertThat(sampler.generated().seeds()).isNotEqualTo(asked.seeds());
    }

    @Test
    void aClassIsGivenByNameOrElseByIndex() throws Exception {
        generate("{\"prompt\": \" trouser \"}");
        assertThat(sampler.generated().label()).isZero();
        generate("{\"prompt\": \"1\"}");
        assertThat(sampler.generated().label()).isEqualTo(1);
        generate("{\"prompt\": 1}");
        assertThat(sampler.generated().label()).isEqualTo(1);
        generate("{\"prompt\": \"0\"}");
        assertThat(sampler.generated().label()).as("a name before an index").isEqualTo(2);
        generate("{\"prompt\": \"\"}");
        assertThat(sampler.generated().label()).isEqualTo(-1);
    }

    @Test
    void pointsComeAsNumbers() throws Exception {
        says(FakeSampler.serving(FakeSampler.POINTS));
        JsonNode data = json(generate("{\"seed\": 2, \"n\": 2}")).get("data");

        assertThat(data.toString())
                .isEqualTo("[{\"values\":[0.5,0.5],\"shape\":[2],\"seed\":2},"
                        + "{\"values\":[0.75,0.75],\"shape\":[2],\"seed\":3}]");
        JsonNode error = error(generate("{\"response_format\": \"b64_json\"}"), 400);
        assertThat(error.get("param").asText()).isEqualTo("response_format");
        assertThat(error.get("message").asText()).contains("must be \"values\"");
        assertThat(message(generate("{\"prompt\": \"shoe\"}"), 400)).contains("points has no classes");
        assertThat(message(generate("{\"size\": \"2x2\"}"), 400)).contains("makes points, which have no size");
    }

    @Test
    void anImageComesAsNumbersWhenItIsAskedFor() {
        JsonNode one = json(generate("{\"seed\": -2, \"response_format\": \"values\"}"))
                .get("data")
                .get(0);

        assertThat(one.get("values").toString()).isEqualTo("[-0.5,-0.5,-0.5,-0.5,-0.5,-0.5]");
        assertThat(one.get("shape").toString()).isEqualTo("[1,2,3]");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'n': 0} | n | n = 0 must be a whole number between 1 and 10",
                "{'n': 11} | n | between 1 and 10",
                "{'n': 1.5} | n | whole number",
                "{'n': 'two'} | n | whole number",
                "{'n': true} | n | whole number",
                "{'seed': 1.5} | seed | whole number of 64 bits",
                "{'seed': 1e300} | seed | whole number of 64 bits",
                "{'seed': 9223372036854775807, 'n': 2} | seed | the last one is beyond 64 bits",
                "{'stream': true} | stream | must be false",
                "{'seed': 9223372036854775808} | seed | whole number of 64 bits",
                "{'size': '28x28'} | size | fashion makes images of 3x2 only; leave size out",
                "{'response_format': 'url'} | response_format | there are no URLs",
                "{'output_format': 'jpeg'} | output_format | must be \"png\"",
                "{'prompt': 'hat'} | prompt | no class \"hat\": prompt is the name or the index of one of 3 classes: 0 Trouser, 1 T-shirt/top, 2 0",
                "{'prompt': '3'} | prompt | no class \"3\"",
                "{'prompt': ['Trouser']} | prompt | a string or a whole number",
                "{'model': 7} | model | must be a string",
                "{'guidance': 3} | guidance | there is no field guidance; the fields are model, n, output_format, prompt, response_format, seed, size",
                "{'num_inference_steps': 30} | num_inference_steps | Steps and guidance are distilled into the model",
            })
    void aBadFieldIsNamed(String body, String param, String says) {
        JsonNode error = error(generate(body.replace('\'', '"')), 400);

        assertThat(error.get("param").asText()).isEqualTo(param);
        assertThat(error.get("message").asText()).contains(says);
        assertThat(error.get("type").asText()).isEqualTo("invalid_request_error");
        assertThat(sampler.told).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'n': 1,}  | line 1, column 9",
                "{'n': 1    | line 1",
                "{} {}      | not JSON",
                "{'n':1,'n':2} | Duplicate field 'n'",
                "[1]        | must be a JSON object such as {\"n\": 1}, and it is of type array",
                "3          | of type number",
                "{'n' 1}    | not JSON at line 1, column 6",
            })
    void whatIsNotAJsonObjectIsRefusedWithThePlace(String body, String says) {
        JsonNode error = error(generate(body.strip().replace('\'', '"')), 400);

        assertThat(error.get("message").asText()).contains(says);
        assertThat(error.get("code").asText()).isEqualTo("malformed_json");
    }

    @Test
    void anEmptyBodyAndBrokenTextAreRefused() {
        assertThat(message(generate(""), 400)).contains("and it is empty");
        HttpResponse<String> response = send(to(GENERATIONS)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(new byte[] {'{', '"', (byte) 0xff, '"', ':', '1', '}'})));
        assertThat(message(response, 400)).contains("not JSON");
        assertThat(message(generate("[".repeat(1500)), 400)).contains("not JSON");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'n': '3', 'seed': 7}",
                "{'n': 3.0, 'seed': 7.0}",
                "{'n': 3, 'seed': '7', 'stream': false, 'output_compression': 100, 'partial_images': 0}",
                "{'n': 3, 'seed': 7, 'size': '3X2', 'stream': null}",
                "{'n': 3, 'seed': 7, 'size': '3 x 2'}",
                "{'n': 3, 'seed': 7, 'size': ''}",
            })
    void whatClientsWriteForTheSameThingIsTaken(String body) throws Exception {
        HttpResponse<String> response = generate(body.replace('\'', '"'));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(sampler.generated().seeds()).containsExactly(7L, 8L, 9L);
    }

    @Test
    void theLastSeedOf64BitsIsTaken() throws Exception {
        assertThat(generate("{'seed': 9223372036854775807}".replace('\'', '"')).statusCode())
                .isEqualTo(200);
        assertThat(sampler.generated().seeds()).containsExactly(Long.MAX_VALUE);
    }

    @Test
    void unknownModelsAndVersionsAreNotFound() throws Exception {
        assertThat(generate("{\"model\": \"fashion@phase-1+teacher\"}").statusCode())
                .isEqualTo(200);
        sampler.told.clear();
        JsonNode error = error(generate("{\"model\": \"dall-e-3\"}"), 404);
        assertThat(error.get("code").asText()).isEqualTo("model_not_found");
        assertThat(error.get("message").asText())
                .isEqualTo("there is no model \"dall-e-3\" here; fashion is served, as fashion@phase-1+teacher."
                        + " Leave model out, and it is meant");
        assertThat(message(generate("{\"model\": \"fashion@teacher\"}"), 404)).contains("fashion@teacher");
        assertThat(sampler.told).isEmpty();
    }

    @Test
    void aVersionThatIsReplacedMeanwhileIsNotPassedOffAsAnother() {
        sampler.answer = request -> {
            sampler.status = new SamplerStatus(
                    true, Optional.of(FakeSampler.FASHION), "fashion@phase-1+phase-2", List.of(), 4, 0);
            return sampler.made(request);
        };

        assertThat(message(generate("{\"model\": \"fashion@phase-1+teacher\"}"), 404))
                .isEqualTo("fashion@phase-1+teacher has just been replaced by fashion@phase-1+phase-2");
    }

    @ParameterizedTest
    @CsvSource({
        "NOT_READY, 503, service_unavailable_error, 5",
        "QUEUE_FULL, 429, rate_limit_error, 1",
        "DEADLINE, 504, timeout_error,",
        "BAD_REQUEST, 400, invalid_request_error,",
        "CANCELLED, 499, invalid_request_error,",
        "FAILED, 500, server_error,",
    })
    void everyRefusalHasItsStatus(Reason reason, int status, String type, String retryAfter) {
        sampler.refuse(reason, "because I say so");
        HttpResponse<String> response = generate("{}");

        JsonNode error = error(response, status);
        assertThat(error.get("message").asText()).isEqualTo("because I say so");
        assertThat(error.get("type").asText()).isEqualTo(type);
        assertThat(response.headers().firstValue("Retry-After")).isEqualTo(Optional.ofNullable(retryAfter));
    }

    @Test
    void theModelIsListed() {
        JsonNode list = json(get("/v1/models"));

        assertThat(list.get("object").asText()).isEqualTo("list");
        JsonNode model = list.get("data").get(0);
        assertThat(model.get("id").asText()).isEqualTo("fashion");
        assertThat(model.get("object").asText()).isEqualTo("model");
        assertThat(model.get("sample_shape").toString()).isEqualTo("[1,2,3]");
        assertThat(model.get("classes").toString()).isEqualTo("[\"Trouser\",\"T-shirt/top\",\"0\"]");
        assertThat(model.get("model_version").asText()).isEqualTo("fashion@phase-1+teacher");
        assertThat(model.get("nfe").asInt()).isEqualTo(78);
        assertThat(json(get("/v1/models/fashion"))).isEqualTo(model);
        error(get("/v1/models/other"), 404);
    }

    @Test
    void beforeAnythingIsServedOnlyLifeIsCertain() {
        says(new SamplerStatus(false, Optional.empty(), "", List.of(), 0, 0));

        assertThat(get("/live").statusCode()).isEqualTo(200);
        HttpResponse<String> ready = get("/ready");
        assertThat(message(ready, 503)).isEqualTo("no model is served yet");
        assertThat(ready.headers().firstValue("Retry-After")).contains("5");
        assertThat(json(get("/v1/models")).get("data")).isEmpty();
        assertThat(message(generate("{}"), 503)).isEqualTo("no model is served yet");
        says(new SamplerStatus(false, Optional.of(FakeSampler.FASHION), "fashion@teacher", List.of(), 100, 0));
        assertThat(message(get("/ready"), 503))
                .isEqualTo("the networks of fashion@teacher are being loaded and warmed");
        says(FakeSampler.serving(FakeSampler.FASHION));
        assertThat(json(get("/ready")).get("model_version").asText()).isEqualTo("fashion@phase-1+teacher");
    }

    @Test
    void aHeadHasNoBody() {
        HttpResponse<String> response = send(to("/ready").method("HEAD", BodyPublishers.noBody()));

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.body()).isEmpty();
    }

    @Test
    void wrongPathsMethodsAndTypesAreErrorsInTheSameShape() {
        assertThat(message(get("/v1/chat/completions"), 404)).contains("POST /v1/images/generations");
        HttpResponse<String> wrongMethod = get(GENERATIONS);
        assertThat(message(wrongMethod, 405)).isEqualTo("GET does nothing at /v1/images/generations; use POST");
        assertThat(wrongMethod.headers().firstValue("Allow")).contains("POST");
        HttpResponse<String> posted = send(to("/live").POST(BodyPublishers.ofString("x")));
        assertThat(message(posted, 405)).contains("use GET, HEAD");
        HttpResponse<String> form = send(to(GENERATIONS)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(BodyPublishers.ofString("{}")));
        assertThat(message(form, 415)).contains("Content-Type: application/json");
        HttpResponse<String> bare = send(to(GENERATIONS).POST(BodyPublishers.ofString("{}")));
        error(bare, 415);
        HttpResponse<String> charset = send(to(GENERATIONS)
                .header("Content-Type", "application/json; charset=utf-8")
                .POST(BodyPublishers.ofString("{}")));
        assertThat(charset.statusCode()).isEqualTo(200);
    }

    @Test
    void aBodyAboveTheLimitIsRefusedWhetherItsLengthIsToldOrNot() {
        byte[] large = ("{\"user\": \"" + "x".repeat(MOST_BYTES) + "\"}").getBytes(StandardCharsets.UTF_8);
        HttpResponse<String> told = send(
                to(GENERATIONS).header("Content-Type", "application/json").POST(BodyPublishers.ofByteArray(large)));
        assertThat(message(told, 413)).isEqualTo("the body is longer than 2000 bytes (serving.max-body-bytes)");
        HttpResponse<String> chunked = send(to(GENERATIONS)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(large))));
        error(chunked, 413);
        assertThat(generate("{}").statusCode()).isEqualTo(200);
    }

    @Test
    void whatIsNotEvenHttpIsAnsweredInTheSameShape() throws IOException {
        try (Socket socket = connect()) {
            socket.getOutputStream().write("NONSENSE / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

            assertThat(answer)
                    .startsWith("HTTP/1.1 501")
                    .contains("application/json")
                    .contains("{\"error\":{\"message\":");
        }
    }

    @Test
    void aSamplerThatDoesNotAnswerIsAnErrorToo() {
        server.unbind().toCompletableFuture().join();
        server = listen(0, Duration.ofMillis(100), Optional.empty());
        awaitReady();
        sampler.answer = null;
        assertThat(message(generate("{}"), 504)).contains("no answer within");

        kit.stop(ref);
        Awaitility.await().atMost(Duration.ofSeconds(10)).untilAsserted(() -> assertThat(message(get("/ready"), 503))
                .isEqualTo("no model is served yet"));
        assertThat(message(generate("{}"), 503)).isEqualTo("no model is served yet");
        assertThat(get("/live").statusCode()).isEqualTo(200);
    }

    @Test
    void aSamplerThatFallsSilentIsWaitedForOnceAndThenPassedOver() throws Exception {
        FakeSampler silent = new FakeSampler();
        silent.status = null;
        offer(silent);
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .until(() -> get("/ready").statusCode() == 200 && silent.asked > 0);
        Awaitility.await().atMost(Duration.ofSeconds(10)).untilAsserted(() -> {
            long begun = System.nanoTime();
            assertThat(get("/ready").statusCode()).isEqualTo(200);
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(1));
        });
        assertThat(generate("{}").statusCode()).isEqualTo(200);

        silent.status = FakeSampler.serving(FakeSampler.POINTS);
        Awaitility.await().atMost(Duration.ofSeconds(10)).untilAsserted(() -> assertThat(
                        json(get("/v1/models")).get("data"))
                .hasSize(2));
    }

    /** They are asked by the clock: hundreds of requests would wait behind hundreds of questions. */
    @Test
    void requestsDoNotMakeQuestions() throws Exception {
        int requests = 50;
        int before = sampler.asked;

        for (int i = 0; i < requests; i++) {
            assertThat(get("/v1/models").statusCode()).isEqualTo(200);
        }

        assertThat(sampler.asked - before).isLessThan(requests);
    }

    @Test
    void ofSeveralModelsOneMustBeNamedAndGetsItsOwnRequests() throws Exception {
        FakeSampler points = new FakeSampler();
        points.status = FakeSampler.serving(FakeSampler.POINTS);
        offer(points);
        Awaitility.await().atMost(Duration.ofSeconds(10)).untilAsserted(() -> assertThat(
                        json(get("/v1/models")).findValuesAsText("id"))
                .containsExactly("fashion", "points"));

        JsonNode unnamed = error(generate("{}"), 400);
        assertThat(unnamed.get("param").asText()).isEqualTo("model");
        assertThat(unnamed.get("message").asText())
                .isEqualTo("several models are served, so name one of fashion, points");
        assertThat(generate("{\"model\": \"points\"}").statusCode()).isEqualTo(200);
        points.generated();
        assertThat(generate("{\"model\": \"fashion\"}").statusCode()).isEqualTo(200);
        sampler.generated();
        assertThat(message(generate("{\"model\": \"none\"}"), 404)).contains("fashion is served", "points is served");
    }

    @Test
    void requestsGoToTheLeastBusySamplerOfTheModel() throws Exception {
        FakeSampler second = new FakeSampler();
        offer(second);
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .until(() -> get("/ready").statusCode() == 200 && second.asked > 0);
        sampler.answer = null;
        second.answer = null;

        CompletableFuture<HttpResponse<String>> one = CompletableFuture.supplyAsync(() -> generate("{}"));
        Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> sampler.told.size() + second.told.size() == 1);
        CompletableFuture<HttpResponse<String>> other = CompletableFuture.supplyAsync(() -> generate("{}"));
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .until(() -> sampler.told.size() == 1 && second.told.size() == 1);

        sampler.answerNow();
        second.answerNow();
        assertThat(one.join().statusCode()).isEqualTo(200);
        assertThat(other.join().statusCode()).isEqualTo(200);
    }

    @Test
    void aRequestWhoseSamplerDiesIsAnsweredByAnother() throws Exception {
        FakeSampler second = new FakeSampler();
        ActorRef<SamplerMessage> secondRef = offer(second);
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .until(() -> get("/ready").statusCode() == 200 && second.asked > 0);
        sampler.answer = null;
        second.answer = null;
        CompletableFuture<HttpResponse<String>> answer = CompletableFuture.supplyAsync(() -> generate("{\"seed\": 3}"));
        Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> sampler.told.size() + second.told.size() == 1);
        boolean firstHasIt = sampler.told.size() == 1;
        FakeSampler survivor = firstHasIt ? second : sampler;

        kit.stop(firstHasIt ? ref : secondRef);

        assertThat(survivor.generated().seeds()).containsExactly(3L);
        survivor.answerNow();
        assertThat(answer.join().statusCode()).isEqualTo(200);
    }

    @Test
    void aRequestWhoseOnlySamplerDiesIsToldToTryAgain() {
        sampler.answer = null;
        CompletableFuture<HttpResponse<String>> answer = CompletableFuture.supplyAsync(() -> generate("{}"));
        Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> sampler.told.size() == 1);

        kit.stop(ref);

        HttpResponse<String> response = answer.join();
        assertThat(message(response, 503)).isEqualTo("the sampler that had the request is gone, and there is no other");
        assertThat(response.headers().firstValue("Retry-After")).isPresent();
    }

    @Test
    void whatBreaksHereIsAnErrorWithoutAStackTrace() {
        sampler.answer = request -> {
            SamplerStatus before = sampler.status;
            sampler.status = FakeSampler.serving(FakeSampler.POINTS);
            try {
                return sampler.made(request);
            } finally {
                sampler.status = before;
            }
        };

        assertThat(message(generate("{\"response_format\": \"b64_json\"}"), 500))
                .isEqualTo("something broke here; the server's log says what");
    }

    @Test
    void aClientThatLeavesHasItsRequestCancelled() throws Exception {
        sampler.answer = null;
        String id;
        try (Socket socket = connect()) {
            OutputStream out = socket.getOutputStream();
            out.write(("POST " + GENERATIONS + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            + "Content-Length: 2\r\n\r\n{}")
                    .getBytes(StandardCharsets.US_ASCII));
            id = sampler.generated().id();
        }

        assertThat(sampler.told.poll(10, TimeUnit.SECONDS)).isEqualTo(new SamplerMessage.Cancel(id));
    }

    @ParameterizedTest
    @ValueSource(strings = {"close", "keep-alive"})
    void aClientThatStaysIsNotCancelled(String connection) throws Exception {
        CountDownLatch computed = new CountDownLatch(1);
        sampler.answer = request -> {
            await(computed);
            return sampler.made(request);
        };
        try (Socket socket = connect()) {
            socket.getOutputStream()
                    .write(("POST " + GENERATIONS + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                    + "Connection: " + connection + "\r\nContent-Length: 2\r\n\r\n{}")
                            .getBytes(StandardCharsets.US_ASCII));
            sampler.generated();
            assertThat(sampler.told.poll(300, TimeUnit.MILLISECONDS)).isNull();
            computed.countDown();
            byte[] start = socket.getInputStream().readNBytes(12);
            assertThat(new String(start, StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 200");
        }

        assertThat(sampler.told.poll(300, TimeUnit.MILLISECONDS)).isNull();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void liveAndReadyDoNotWaitBehindWork() {
        sampler.answer = null;
        CompletableFuture<HttpResponse<String>> working = CLIENT.sendAsync(
                to(GENERATIONS)
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString("{}"))
                        .build(),
                BodyHandlers.ofString());

        assertThat(get("/live").statusCode()).isEqualTo(200);
        assertThat(get("/ready").statusCode()).isEqualTo(200);
        assertThat(working).isNotDone();
        working.cancel(true);
    }

    @Test
    void aPortInUseIsSaidWithTheMend() {
        int port = server.localAddress().getPort();

        assertThatThrownBy(() -> listen(port, Duration.ofSeconds(1), Optional.empty()))
                .isInstanceOf(CompletionException.class)
                .cause()
                .isInstanceOf(ListenException.class)
                .hasMessage("port " + port
                        + " on 127.0.0.1 is in use; choose another with --port N, or 0 for any free one");
    }

    @Test
    void anAddressOfAnotherMachineIsSaidWithTheMend() {
        ServingSettings settings =
                new ServingSettings("192.0.2.1", 0, 4, 4, Duration.ZERO, List.of(4), Duration.ofSeconds(1), MOST_BYTES);

        assertThatThrownBy(() -> ApiServer.start(kit.system(), settings, Courier.inThisJvm(), Optional.empty())
                        .toCompletableFuture()
                        .join())
                .cause()
                .isInstanceOf(ListenException.class)
                .hasMessageStartingWith("cannot listen on 192.0.2.1:0 (")
                .hasMessageContaining("must be an address of this machine");
    }

    private Socket connect() throws IOException {
        Socket socket = new Socket();
        socket.setSoTimeout(20_000);
        socket.connect(new InetSocketAddress("127.0.0.1", server.localAddress().getPort()));
        return socket;
    }

    @Test
    void whoeverWatchesTheProcessNeedsNoTokenEverybodyElseDoes() {
        server.unbind().toCompletableFuture().join();
        server = listen(0, Duration.ofSeconds(20), Optional.of("a-token-of-some-length"));
        assertThat(get("/live").statusCode()).isEqualTo(200);
        awaitReady();

        assertThat(message(get("/v1/models"), 401)).contains("Authorization: Bearer");
        error(generate("{}"), 401);
        assertThat(send(to("/v1/models").GET().header("Authorization", "Bearer a-token-of-some-length"))
                        .statusCode())
                .isEqualTo(200);
    }
}
