package dev.sluice.actors.http;

import dev.sluice.config.Exposure;
import java.net.URI;
import java.util.Optional;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;

/**
 * Keeps web pages out: a page of any site can have a browser send requests to this machine, under the page's own host
 * name too (DNS rebinding). Programs name the host that they mean, and send no origin.
 */
final class LocalOnly {
    private LocalOnly() {}

    /**
     * @param token that tells its bearer from a page, where there is one
     * @param loopback whether the listener is reached from this machine alone: then only its own names are answered
     * @throws ApiError 403
     */
    static void require(HttpRequest request, boolean loopback, Optional<String> token) {
        if (token.isPresent() && Bearer.bears(request, token.get())) {
            // No page knows it. Whoever does may come through a proxy, under any name.
            return;
        }
        String host = request.getUri().host().address();
        if (loopback && !Exposure.isLoopback(host)) {
            throw ApiError.of(
                    403,
                    "foreign_host",
                    null,
                    "this port answers requests for localhost, 127.0.0.1 and [::1] only, not for \"" + host + '"');
        }
        Optional<String> origin = request.getHeader("Origin").map(HttpHeader::value);
        if (origin.isPresent() && !isOwn(origin.get(), request, loopback)
                || request.getHeader("Sec-Fetch-Site")
                        .map(HttpHeader::value)
                        .filter("cross-site"::equals)
                        .isPresent()) {
            throw ApiError.of(403, "foreign_origin", null, "web pages of other sites are not answered here");
        }
    }

    private static boolean isOwn(String origin, HttpRequest request, boolean loopback) {
        URI uri;
        try {
            uri = URI.create(origin);
        } catch (IllegalArgumentException e) {
            return false;
        }
        String host = uri.getHost();
        if (host == null) {
            return false;
        }
        return loopback && Exposure.isLoopback(host)
                || host.equalsIgnoreCase(request.getUri().host().address())
                        && port(uri) == request.getUri().port();
    }

    private static int port(URI uri) {
        if (uri.getPort() >= 0) {
            return uri.getPort();
        }
        return "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
    }
}
