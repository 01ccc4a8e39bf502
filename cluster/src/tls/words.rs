//! What went wrong in a handshake, in words for a person: of the certificate that the other end showed, or of
//! ours that it would not have.

use rustls::{AlertDescription, CertificateError, Error};

/// What ails a certificate that was shown to us.
pub(super) fn shown(fault: &CertificateError) -> &'static str {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; are the clocks right?"
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is of another CA than ours"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is for another use"
        }
        _ => "its certificate cannot be used",
    }
}

/// What the other end finds wrong with us.
pub(super) fn alerted(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateExpired => "it finds our certificate expired".to_owned(),
        AlertDescription::UnknownCA => "our certificate is of another CA than its own".to_owned(),
        AlertDescription::CertificateRequired => "it wants a certificate and got none".to_owned(),
        AlertDescription::UnsupportedCertificate => "our certificate is for another use".to_owned(),
        AlertDescription::DecryptError | AlertDescription::BadCertificate => {
            "it finds our certificate unsound".to_owned()
        }
        alert => format!("it ends the handshake: {alert:?}"),
    }
}

/// The fault of TLS inside an error of a stream.
pub(super) fn inside(error: &std::io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}
