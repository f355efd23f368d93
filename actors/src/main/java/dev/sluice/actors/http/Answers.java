package dev.sluice.actors.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.GenerationReply.Generated;
import dev.sluice.protocol.message.SamplerStatus;
import dev.sluice.runtime.image.SampleSheet;
import java.util.Arrays;
import java.util.List;

/** Bodies of successful answers, in OpenAI's shape with fields of our own beside it. */
final class Answers {
    private Answers() {}

    /** @param created seconds since the epoch */
    static ObjectNode generated(Generated made, GenerationRequest.Format format, long created) {
        ObjectNode body = Json.object().put("created", created);
        ArrayNode data = body.putArray("data");
        for (int i = 0; i < made.seeds().size(); i++) {
            Tensor row = made.samples().rows(i, i + 1);
            long[] batch = row.shape();
            long[] shape = Arrays.copyOfRange(batch, 1, batch.length);
            ObjectNode one = data.addObject();
            switch (format) {
                case B64_JSON -> one.put("b64_json", SampleSheet.png(row.reshape(shape)));
                case VALUES -> {
                    ArrayNode values = one.putArray("values");
                    for (float value : row.toFloats()) {
                        values.add(value);
                    }
                    ArrayNode sizes = one.putArray("shape");
                    for (long size : shape) {
                        sizes.add(size);
                    }
                }
            }
            one.put("seed", made.seeds().get(i));
        }
        body.put("model_version", made.modelVersion());
        ArrayNode experts = body.putArray("experts");
        for (ExpertRef expert : made.experts()) {
            experts.addObject().put("version", expert.version()).put("sha256", expert.sha256());
        }
        return body.put("nfe", made.nfe())
                .put("batch_size", made.batchSize())
                .put("queue_ms", made.queueMillis())
                .put("compute_ms", made.computeMillis());
    }

    /** OpenAI's list of models: those that are served. */
    static ObjectNode models(List<SamplerStatus> models, long since) {
        ObjectNode body = Json.object().put("object", "list");
        ArrayNode data = body.putArray("data");
        models.forEach(status -> data.add(model(status.card().orElseThrow(), status, since)));
        return body;
    }

    /** @param since when this server began, seconds since the epoch */
    static ObjectNode model(ModelCard card, SamplerStatus status, long since) {
        ObjectNode model = Json.object()
                .put("id", card.name())
                .put("object", "model")
                .put("created", since)
                .put("owned_by", "sluice");
        ArrayNode shape = model.putArray("sample_shape");
        card.sampleShape().forEach(shape::add);
        ArrayNode classes = model.putArray("classes");
        card.classNames().forEach(classes::add);
        return model.put("model_version", status.modelVersion())
                .put("nfe", status.nfe())
                .put("ready", status.ready());
    }
}
