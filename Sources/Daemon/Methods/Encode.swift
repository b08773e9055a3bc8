import EsViT
import Operators
import Wire

extension Method {
  /// `encode`: images in, embeddings out.
  func encode(_ parameters: EncodeParameters) async throws -> EncodeAnswer {
    let embeddings = try await embed(parameters.images, engine.precision) { embedding in
      WireEmbedding(parameters.normalize ? embedding.normalized : embedding.raw, encoding: parameters.encoding)
    }
    count(embeddings)
    return EncodeAnswer(
      embeddings: embeddings.map(Place.init), dimension: engine.dimension, model: engine.fingerprint,
      precision: engine.precision.rawValue)
  }

  /// Encodes those pictures that could be read; the others keep their errors. Errors carry their picture's place.
  func embed<Value: Sendable>(
    _ pictures: [Result<Picture, ErrorObject>], _ precision: Precision, _ value: (Embedding) -> Value
  ) async throws -> [Result<Value, ErrorObject>] {
    let sound = pictures.enumerated().compactMap { index, picture in (try? picture.get()).map { (index, $0) } }
    let outcomes = try await engine.images.run(
      sound.map { ImagePipeline.Job(picture: $0.1) }, precision: precision, lane: context.connection, thumbnail: nil,
      progress: progress(of: pictures.count, from: pictures.count - sound.count))
    var results: [Result<Value, ErrorObject>] = pictures.map { picture in
      picture.flatMap { _ in .failure(ErrorObject(.internalError, "the picture was not encoded")) }
    }
    for ((index, _), outcome) in zip(sound, outcomes) {
      switch outcome {
      case .success(.encoded(let embedding, _, _)): results[index] = .success(value(embedding))
      case .success(.known): break
      case .failure(let error): results[index] = .failure(error.at(index))
      }
    }
    return results
  }
}
