class DiffusionTransformer(Module):
  __parameters__ = ["patch_weight", "patch_bias", "position", "time_in_weight", "time_in_bias", "time_out_weight", "time_out_bias", "class_embedding", "modulation_weight", "modulation_bias", "qkv_weight", "qkv_bias", "attention_out_weight", "attention_out_bias", "mlp_in_weight", "mlp_in_bias", "mlp_out_weight", "mlp_out_bias", "final_modulation_weight", "final_modulation_bias", "final_weight", "final_bias", ]
  __buffers__ = []
  patch_weight : Tensor
  patch_bias : Tensor
  position : Tensor
  time_in_weight : Tensor
  time_in_bias : Tensor
  time_out_weight : Tensor
  time_out_bias : Tensor
  class_embedding : Tensor
  modulation_weight : Tensor
  modulation_bias : Tensor
  qkv_weight : Tensor
  qkv_bias : Tensor
  attention_out_weight : Tensor
  attention_out_bias : Tensor
  mlp_in_weight : Tensor
  mlp_in_bias : Tensor
  mlp_out_weight : Tensor
  mlp_out_bias : Tensor
  final_modulation_weight : Tensor
  final_modulation_bias : Tensor
  final_weight : Tensor
  final_bias : Tensor
  training : bool
  heads : int
  patch : int
  bf16 : bool
  def linear(self: __torch__.DiffusionTransformer,
    x: Tensor,
    weight: Tensor,
    bias: Tensor) -> Tensor:
    if self.bf16:
      y = torch.to(torch.linear(torch.to(x, 15), torch.to(weight, 15), torch.to(bias, 15)), 6)
    else:
      y = torch.linear(x, weight, bias)
    return y
  def normalise(self: __torch__.DiffusionTransformer,
    x: Tensor,
    shift: Tensor,
    scale: Tensor) -> Tensor:
    y = torch.layer_norm(x, [torch.size(x, -1)], None, None, 1e-06)
    return torch.add(torch.mul(y, torch.add(torch.unsqueeze(scale, 1), 1)), torch.unsqueeze(shift, 1))
  def attend(self: __torch__.DiffusionTransformer,
    x: Tensor,
    qkv_weight: Tensor,
    qkv_bias: Tensor) -> Tensor:
    B, N, W, = torch.size(x)
    D = torch.floordiv(W, self.heads)
    qkv = torch.reshape(self.linear(x, qkv_weight, qkv_bias), [B, N, 3, self.heads, D])
    q, k, v, = torch.unbind(torch.permute(qkv, [2, 0, 3, 1, 4]))
    if self.bf16:
      q, k, v = torch.to(q, 15), torch.to(k, 15), torch.to(v, 15)
    else:
      pass
    scores = torch.matmul(torch.mul(q, torch.pow(D, -0.5)), torch.transpose(k, -2, -1))
    y = torch.matmul(torch.softmax(scores, -1), v)
    return torch.to(torch.reshape(torch.transpose(y, 1, 2), [B, N, W]), 6)
  def condition(self: __torch__.DiffusionTransformer,
    t: Tensor,
    label: Tensor) -> Tensor:
    half = torch.floordiv(torch.size(self.time_in_weight, 1), 2)
    index = torch.arange(half, dtype=6, layout=None, device=ops.prim.device(t), pin_memory=None)
    frequency = torch.exp(torch.mul(index, torch.div(-9.210340371976184, half)))
    angle = torch.mul(torch.unsqueeze(torch.mul(t, 1000.), 1), frequency)
    waves = torch.cat([torch.cos(angle), torch.sin(angle)], 1)
    hidden = torch.silu(torch.linear(waves, self.time_in_weight, self.time_in_bias))
    time = torch.linear(hidden, self.time_out_weight, self.time_out_bias)
    return torch.silu(torch.add(time, torch.embedding(self.class_embedding, label)))
  def forward(self: __torch__.DiffusionTransformer,
    x: Tensor,
    t: Tensor,
    label: Tensor) -> Tensor:
    B, C, H, W, = torch.size(x)
    P = self.patch
    rows = torch.floordiv(H, P)
    columns = torch.floordiv(W, P)
    patches = torch.permute(torch.reshape(x, [B, C, rows, P, columns, P]), [0, 2, 4, 1, 3, 5])
    tokens = torch.reshape(patches, [B, torch.mul(rows, columns), torch.mul(C, torch.mul(P, P))])
    h = torch.add(torch.linear(tokens, self.patch_weight, self.patch_bias), self.position)
    c = self.condition(t, label)
    modulation_weights = torch.unbind(self.modulation_weight)
    modulation_biases = torch.unbind(self.modulation_bias)
    qkv_weights = torch.unbind(self.qkv_weight)
    qkv_biases = torch.unbind(self.qkv_bias)
    attention_out_weights = torch.unbind(self.attention_out_weight)
    attention_out_biases = torch.unbind(self.attention_out_bias)
    mlp_in_weights = torch.unbind(self.mlp_in_weight)
    mlp_in_biases = torch.unbind(self.mlp_in_bias)
    mlp_out_weights = torch.unbind(self.mlp_out_weight)
    mlp_out_biases = torch.unbind(self.mlp_out_bias)
    for i in range(torch.len(qkv_weights)):
      modulation = torch.linear(c, modulation_weights[i], modulation_biases[i])
      shift1, scale1, gate1, shift2, scale2, gate2, = torch.chunk(modulation, 6, 1)
      attended = self.attend(self.normalise(h, shift1, scale1), qkv_weights[i], qkv_biases[i])
      attended = self.linear(attended, attention_out_weights[i], attention_out_biases[i])
      h = torch.add(h, torch.mul(torch.unsqueeze(gate1, 1), attended))
      inner = self.linear(self.normalise(h, shift2, scale2), mlp_in_weights[i], mlp_in_biases[i])
      inner = torch.gelu(inner, approximate="tanh")
      inner = self.linear(inner, mlp_out_weights[i], mlp_out_biases[i])
      h = torch.add(h, torch.mul(torch.unsqueeze(gate2, 1), inner))
    shift, scale, = torch.chunk(torch.linear(c, self.final_modulation_weight, self.final_modulation_bias), 2, 1)
    out = torch.linear(self.normalise(h, shift, scale), self.final_weight, self.final_bias)
    out = torch.permute(torch.reshape(out, [B, rows, columns, C, P, P]), [0, 3, 1, 4, 2, 5])
    return torch.reshape(out, [B, C, H, W])
