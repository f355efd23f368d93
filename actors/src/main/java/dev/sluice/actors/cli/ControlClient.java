package dev.sluice.actors.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sluice.protocol.message.ExperimentsMessage;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import picocli.CommandLine.Option;

/** How the commands speak to a control node. */
final class ControlClient {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** The longest answer to wait for is that of a submission, whose teacher is tried. */
    private static final Duration PATIENCE = ExperimentsMessage.CHECKED_WITHIN.plusSeconds(30);

    @Option(
            names = "--control",
            paramLabel = "URL",
            defaultValue = "http://127.0.0.1:8080",
            description =
                    "HTTP address of a control node. Default: ${DEFAULT-VALUE}. Its token, if it wants one, is taken"
                            + " from the environment variable SLUICE_TOKEN.")
    private String control;

    private final HttpClient client = HttpClient.newHttpClient();

    JsonNode get(String path) throws IOException, InterruptedException {
        return send(to(path).GET());
    }

    JsonNode post(String path, String hocon) throws IOException, InterruptedException {
        return send(to(path).header("Content-Type", "application/hocon").POST(BodyPublishers.ofString(hocon)));
    }

    JsonNode delete(String path) throws IOException, InterruptedException {
        return send(to(path).DELETE());
    }

    private HttpRequest.Builder to(String path) {
        HttpRequest.Builder request;
        try {
            request = HttpRequest.newBuilder(URI.create(control + path));
        } catch (IllegalArgumentException e) {
            throw new UserError("--control " + control + " must be an address such as http://127.0.0.1:8080");
        }
        String token = System.getenv("SLUICE_TOKEN");
        return token == null ? request : request.header("Authorization", "Bearer " + token);
    }

    private JsonNode send(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<String> response;
        try {
            response = client.send(request.timeout(PATIENCE).build(), BodyHandlers.ofString());
        } catch (ConnectException e) {
            throw new UserError("nothing listens at " + control
                    + "; start a control node with ./sluice node --roles control, or name one with --control");
        } catch (HttpTimeoutException e) {
            throw new UserError("no answer from " + control + " within " + PATIENCE.toSeconds() + " s");
        }
        JsonNode body;
        try {
            body = JSON.readTree(response.body());
        } catch (IOException e) {
            throw new UserError(control + " is no control node: it answered " + response.statusCode() + " and no JSON");
        }
        if (response.statusCode() != 200) {
            throw new UserError(body.at("/error/message").asText("it answered " + response.statusCode()));
        }
        return body;
    }
}
