package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.store.Sha256;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A whole run as a user starts it, in a process of its own, with a client that asks all the time. */
@Timeout(180)
class QuickRunIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private final HttpClient client = HttpClient.newHttpClient();

    @Test
    void servesFromTheTeacherToTheLastExpertWithoutAFailedRequest() throws Exception {
        Path run = folder.resolve("run");
        List<JsonNode> answers = new ArrayList<>();
        try (Sluice sluice =
                Sluice.start("distill", "--experiment", "quick", "--port", "0", "--run", run.toString(), "--stay")) {
            String url = sluice.awaitLine("serving at +(http://[^/]+)/", Duration.ofSeconds(60));
            awaitReady(url);
            do {
                answers.add(ask(url));
            } while (last(answers).get("nfe").asInt() != 4);
            sluice.awaitLine("(serving on) at", Duration.ofSeconds(60));
            answers.add(ask(url));
            JsonNode models = get(url + "/v1/models");
            assertThat(models.at("/data/0/id").asText()).isEqualTo("quick");
        }
        assertNfeOnlyFalls(answers);
        assertThat(last(answers).get("model_version").asText())
                .isEqualTo("quick:" + RunFolder.open(run).id() + "@phase-1+phase-2");
        assertThat(answers.get(0).get("model_version").asText()).startsWith("quick:");

        assertRunFolder(run, last(answers), answers.size());
    }

    private static void assertNfeOnlyFalls(List<JsonNode> answers) {
        List<Integer> nfe = answers.stream().map(a -> a.get("nfe").asInt()).toList();
        assertThat(nfe).isSortedAccordingTo((a, b) -> Integer.compare(b, a));
        assertThat(nfe.get(0)).isGreaterThan(4);
        assertThat(nfe.get(nfe.size() - 1)).isEqualTo(4);
    }

    private static void assertRunFolder(Path run, JsonNode answer, int asked) throws Exception {
        EventLog.Reading log = EventLog.read(run.resolve("events.jsonl"));
        List<String> types =
                log.events().stream().map(event -> event.form().type()).toList();
        assertThat(types)
                .containsSubsequence(
                        "phase-begun", "phase-ended", "expert-published", "phase-begun", "phase-ended", "run-finished");
        assertThat(types.stream().filter("swap-done"::equals)).hasSize(2);
        assertThat(Files.readAllLines(run.resolve("metrics.csv"))).hasSize(1 + 5);
        for (int k = 1; k <= 2; k++) {
            Path expert = run.resolve("experts/phase-" + k + ".pt");
            NetworkCard card = NetworkFile.readCard(expert);
            assertThat(card.phase()).isEqualTo(k);
            assertThat(card.timesteps()).hasSize(3);
            // What was served is the file that was published.
            assertThat(answer.at("/experts/" + (k - 1) + "/sha256").asText()).isEqualTo(Sha256.of(expert));
        }
        Records.assertHoldTogether(run);
        assertRequestsRecorded(run, log.events(), asked);
        try (Stream<Path> sheets = Files.list(run.resolve("samples"))) {
            assertThat(sheets.map(sheet -> sheet.getFileName().toString()))
                    .contains("after-phase-0.png", "after-phase-1.png", "after-phase-2.png", "phase-1-cycle-0.png");
        }
    }

    /** The requests as the client saw them: the last count has every answer, and the sheets' beside them. */
    private static void assertRequestsRecorded(Path run, List<EventLog.Event> events, int asked) throws Exception {
        String model = "quick:" + RunFolder.open(run).id();
        List<String> served = events.stream()
                .filter(event -> event.form().type().equals("serving-changed"))
                .map(event -> event.form().fields().get("model-version").toString())
                .toList();
        assertThat(served).hasSize(3).endsWith(model + "@phase-1+teacher", model + "@phase-1+phase-2");
        assertThat(events.stream().filter(event -> event.form().type().equals("request-served")))
                .hasSizeGreaterThanOrEqualTo(3);
        EventLog.Event last = Records.assertLastCount(run);
        assertThat(last.form().fields()).containsEntry("failed", 0L).containsEntry("cancelled", 0L);
        assertThat((long) last.form().fields().get("served")).isGreaterThan(asked);
    }

    private void awaitReady(String url) {
        org.awaitility.Awaitility.await()
                .atMost(Duration.ofSeconds(60))
                .until(() ->
                        send(HttpRequest.newBuilder(URI.create(url + "/ready"))).statusCode() == 200);
    }

    private JsonNode ask(String url) throws Exception {
        HttpResponse<String> response = send(HttpRequest.newBuilder(URI.create(url + "/v1/images/generations"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"prompt\": \"sneaker\", \"n\": 2, \"seed\": 7}")));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        JsonNode answer = JSON.readTree(response.body());
        assertThat(answer.get("data")).hasSize(2);
        byte[] png = Base64.getDecoder().decode(answer.at("/data/1/b64_json").asText());
        assertThat(ImageIO.read(new ByteArrayInputStream(png)).getWidth()).isEqualTo(28);
        return answer;
    }

    private JsonNode get(String url) throws Exception {
        return JSON.readTree(send(HttpRequest.newBuilder(URI.create(url))).body());
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return client.send(request.timeout(Duration.ofSeconds(60)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static <T> T last(List<T> values) {
        return values.get(values.size() - 1);
    }
}
