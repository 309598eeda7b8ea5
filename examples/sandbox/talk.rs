use crate::stage::Stage;
pub async fn talk(_: &mut Stage) -> std::io::Result<()> {
    Ok(())
}
