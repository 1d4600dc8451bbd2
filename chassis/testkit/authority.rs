//! A certificate authority of a test. The tests of the workspace include this file by path: the testkit would bring twenty
//! packages for it to every project that uses the testkit.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// A certificate authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new authority. Authorities of one test need different names.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, new_key());
        Self(issuer.expect("the authority signs itself"))
    }

    /// The authority's own certificate, PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a host that names `user`, and the key, both PEM.
    pub(crate) fn certify(&self, host: &str, user: &str) -> (String, String) {
        let key = new_key();
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("the name is valid");
        params.distinguished_name.push(DnType::CommonName, user);
        let certificate = params.signed_by(&key, &self.0);
        let certificate = certificate.expect("the authority signs the certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key is generated")
}
