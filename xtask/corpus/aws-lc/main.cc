// Uses both libraries: `tls-run sha256 TEXT` prints a digest; `tls-run handshake TEXT` makes a key and a
// certificate, lets a client and a server in this process shake hands, and sends the text from one to the other.
#include <cstdio>
#include <cstring>
#include <string>

#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace {

int Sha256(const std::string &text) {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t *>(text.data()), text.size(), digest);
  for (uint8_t byte : digest) std::printf("%02x", byte);
  std::printf("\n");
  return 0;
}

bssl::UniquePtr<EVP_PKEY> MakeKey() {
  bssl::UniquePtr<EC_KEY> curve(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (!curve || !key || !EC_KEY_generate_key(curve.get()) || !EVP_PKEY_set1_EC_KEY(key.get(), curve.get()))
    return nullptr;
  return key;
}

bssl::UniquePtr<X509> MakeCertificate(EVP_PKEY *key) {
  bssl::UniquePtr<X509> certificate(X509_new());
  X509_NAME *name = X509_get_subject_name(certificate.get());
  const auto *host = reinterpret_cast<const uint8_t *>("example.test");
  bool made = X509_set_version(certificate.get(), X509_VERSION_3) &&
              ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), 1) &&
              X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600) &&
              X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600) &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0) &&
              X509_set_issuer_name(certificate.get(), name) && X509_set_pubkey(certificate.get(), key) &&
              X509_sign(certificate.get(), key, EVP_sha256());
  return made ? std::move(certificate) : nullptr;
}

bool Step(SSL *ssl) {
  int result = SSL_do_handshake(ssl);
  int error = SSL_get_error(ssl, result);
  return result == 1 || error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

int Handshake(const std::string &text) {
  bssl::UniquePtr<EVP_PKEY> key = MakeKey();
  bssl::UniquePtr<X509> certificate = key ? MakeCertificate(key.get()) : nullptr;
  bssl::UniquePtr<SSL_CTX> server_context(SSL_CTX_new(TLS_server_method()));
  bssl::UniquePtr<SSL_CTX> client_context(SSL_CTX_new(TLS_client_method()));
  if (!certificate || !SSL_CTX_use_PrivateKey(server_context.get(), key.get()) ||
      !SSL_CTX_use_certificate(server_context.get(), certificate.get()) ||
      !X509_STORE_add_cert(SSL_CTX_get_cert_store(client_context.get()), certificate.get()))
    return 1;
  SSL_CTX_set_verify(client_context.get(), SSL_VERIFY_PEER, nullptr);
  bssl::UniquePtr<SSL> server(SSL_new(server_context.get())), client(SSL_new(client_context.get()));
  BIO *one, *other;
  if (!BIO_new_bio_pair(&one, 0, &other, 0)) return 1;
  SSL_set_bio(server.get(), one, one);
  SSL_set_bio(client.get(), other, other);
  SSL_set_accept_state(server.get());
  SSL_set_connect_state(client.get());
  for (int turn = 0; turn < 10; turn++)
    if (!Step(client.get()) || !Step(server.get())) return 1;
  char got[256] = {};
  if (SSL_write(client.get(), text.data(), static_cast<int>(text.size())) <= 0 ||
      SSL_read(server.get(), got, sizeof got - 1) <= 0)
    return 1;
  std::printf("%s %s: %s\n", SSL_get_version(server.get()), SSL_get_cipher_name(server.get()), got);
  return 0;
}

}  // namespace

int main(int count, char **words) {
  std::string verb = count == 3 ? words[1] : "";
  int status = verb == "sha256" ? Sha256(words[2]) : verb == "handshake" ? Handshake(words[2]) : 2;
  if (status == 2) std::fprintf(stderr, "usage: tls-run sha256 TEXT | tls-run handshake TEXT\n");
  if (status == 1) ERR_print_errors_fp(stderr);
  return status;
}
