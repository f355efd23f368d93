package dev.sluice.actors.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Optional;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BearerTest {
    private static final Optional<String> TOKEN = Optional.of("right");

    private static HttpRequest bearing(String header) {
        return HttpRequest.GET("/v1/models").addHeader(RawHeader.create("Authorization", header));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "Bearer ", "Bearer wrong", "Bearer right ", "Bearer rightly", "Basic right", "right"})
    void anotherTokenIsRefused(String header) {
        assertThatThrownBy(() -> Bearer.require(bearing(header), TOKEN))
                .isInstanceOf(ApiError.class)
                .satisfies(e -> assertThat(((ApiError) e).status()).isEqualTo(401));
    }

    @Test
    void noneIsRefused() {
        assertThatThrownBy(() -> Bearer.require(HttpRequest.GET("/v1/models"), TOKEN))
                .isInstanceOf(ApiError.class);
    }

    @Test
    void theTokenIsLetIn() {
        assertThatCode(() -> Bearer.require(bearing("Bearer right"), TOKEN)).doesNotThrowAnyException();
    }

    @Test
    void withoutATokenEverybodyIsLetIn() {
        assertThatCode(() -> Bearer.require(bearing("Bearer wrong"), Optional.empty()))
                .doesNotThrowAnyException();
    }
}
