package dev.sluice.actors.http;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Optional;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;

/** The token that requests must bear (RFC 6750), where there is one. */
final class Bearer {
    private static final String SCHEME = "Bearer ";

    private Bearer() {}

    /** @throws ApiError 401 when there is a token and the request does not bear it */
    static void require(HttpRequest request, Optional<String> token) {
        if (token.isPresent() && !bears(request, token.get())) {
            throw ApiError.of(401, "unauthorized", null, "send the token in the header Authorization: Bearer TOKEN");
        }
    }

    static boolean bears(HttpRequest request, String token) {
        String sent = request.getHeader("Authorization")
                .map(HttpHeader::value)
                .filter(value -> value.startsWith(SCHEME))
                .map(value -> value.substring(SCHEME.length()))
                .orElse("");
        // In a time that does not tell how much of it is right.
        return MessageDigest.isEqual(bytes(sent), bytes(token));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
