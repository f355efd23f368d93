package dev.sluice.actors.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Asks for samples, one request after the other, for as long as a run goes: whatever happens to the run, each is answered
 * in time, with samples or with the reason why not. Until something listens, and while its process is
 * started again, connections are refused; that is told too, and no fault.
 */
final class SoakClient implements AutoCloseable {
    /** Full, not ready, past its deadline. */
    private static final Set<Integer> REASONS = Set.of(429, 503, 504);

    private static final Duration DEADLINE = Duration.ofSeconds(60);
    private static final Duration BEYOND_DEADLINE = Duration.ofSeconds(30);
    private static final long PAUSE_MILLIS = 200;

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final URI generations;
    private final Thread thread;
    private final List<String> violations = new ArrayList<>();
    private volatile boolean ending;
    private int served;
    private int refused;
    private int unconnected;

    /** @param port of the API on this machine */
    SoakClient(int port) {
        generations = URI.create("http://127.0.0.1:" + port + "/v1/images/generations");
        thread = new Thread(this::ask, "soak-client");
        thread.setDaemon(true);
        thread.start();
    }

    private void ask() {
        ObjectNode body = new ObjectMapper()
                .createObjectNode()
                .put("prompt", "0")
                .put("seed", 1)
                .put("response_format", "values");
        HttpRequest request = HttpRequest.newBuilder(generations)
                .header("Content-Type", "application/json")
                .timeout(DEADLINE.plus(BEYOND_DEADLINE))
                .POST(BodyPublishers.ofString(body.toString()))
                .build();
        while (!ending) {
            try {
                tell(client.send(request, BodyHandlers.ofString()));
                Thread.sleep(PAUSE_MILLIS);
            } catch (HttpTimeoutException e) {
                broken("no answer within " + DEADLINE.plus(BEYOND_DEADLINE).toSeconds() + " s");
            } catch (IOException e) {
                pause();
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void pause() {
        synchronized (this) {
            unconnected++;
        }
        try {
            Thread.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void tell(HttpResponse<String> response) {
        if (response.statusCode() == 200) {
            served++;
        } else if (REASONS.contains(response.statusCode())) {
            refused++;
        } else {
            broken("answered " + response.statusCode() + ": " + response.body());
        }
    }

    private synchronized void broken(String how) {
        if (!ending) {
            violations.add("a request was " + how);
        }
    }

    synchronized int served() {
        return served;
    }

    /** What should not have happened. */
    synchronized List<String> violations() {
        return List.copyOf(violations);
    }

    @Override
    public synchronized String toString() {
        return served + " requests served, " + refused + " told why not, " + unconnected + " not connected";
    }

    /** Does not wait for the request that is under way. */
    @Override
    public void close() {
        ending = true;
        thread.interrupt();
    }
}
